/** What tokens cost, as options and variables say it. */

/** Prices of a million tokens by model; `*` stands for every other. All are in one unit, whichever that is. */
export type Prices = Record<string, { input: number; output: number }>;

const amount = /^\d{1,9}(?:\.\d{1,12})?$/;

/** Reads one price, such as `gpt-4o=2.5/10`: of a model's input and output. Null for what is none. */
export function readPrice(text: string): [model: string, price: Prices[string]] | null {
  // Names of models may hold every mark there is.
  const [, model = "", input = "", output = ""] = /^(.+)=([^=/]+)\/([^=/]+)$/s.exec(text.trim()) ?? [];
  if (!amount.test(input) || !amount.test(output)) return null;
  return [model.trim(), { input: Number(input), output: Number(output) }];
}

/** Reads prices of several models. Null where one is none. */
export function readPrices(items: readonly string[]): Prices | null {
  const prices = items.map(readPrice);
  return prices.every((price) => price !== null) ? Object.fromEntries(prices) : null;
}
