/** Values of options that several commands take. */

import { InvalidArgumentError, Option } from "commander";
import { type Prices, readPrices } from "../core/prices.ts";
import { orders } from "../core/rules.ts";
import type { BatchBudget } from "../core/types.ts";

export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It must be a whole number from 1 up.");
  return value;
}

export function concurrency(text: string): number {
  const value = positive(text);
  if (value > 10_000) throw new InvalidArgumentError("It must be a whole number from 1 to 10,000.");
  return value;
}

/** `name: value`, once more. */
export function header(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
  try {
    if (name === undefined || value === undefined) throw new TypeError();
    new Headers({ [name]: value });
    return { ...before, [name]: value };
  } catch {
    throw new InvalidArgumentError("It must be a header, such as 'api-key: 123'.");
  }
}

/** `key=value`, once more. */
export function pair(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It must be key=value.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** `--order`. */
export function order(text: string): Option {
  return new Option("--order <name>", text).choices(orders);
}

export function priority(text: string): number {
  const value = Number(text);
  if (/^[+-]?\d+$/.test(text) && Math.abs(value) <= 10) return value;
  throw new InvalidArgumentError("It must be a whole number from -10 to 10.");
}

const caps: readonly string[] = [
  "requests",
  "input_tokens",
  "output_tokens",
  "total_tokens",
  "cost",
] satisfies (keyof BatchBudget)[];

/** `total_tokens=1000000,cost=2.50`, in the order of the API. */
export function budget(text: string): BatchBudget {
  const given = new Map(text.split(",").map((cap): [string, number] => [nameOf(cap), amountOf(cap)]));
  const isGood = ([name, most]: [string, number]) =>
    caps.includes(name) && most > 0 && (name === "cost" || Number.isSafeInteger(most));
  if (![...given].every(isGood)) {
    throw new InvalidArgumentError(
      "It must be caps above 0, such as total_tokens=1000000,cost=2.50, of requests, input_tokens, output_tokens, total_tokens and cost.",
    );
  }
  return Object.fromEntries(caps.flatMap((name) => (given.has(name) ? [[name, given.get(name)]] : [])));
}

function nameOf(cap: string): string {
  return cap.replace(/=.*/s, "").trim().replaceAll("-", "_");
}

function amountOf(cap: string): number {
  const [, amount] = /=\s*(\d+(?:\.\d+)?)\s*$/.exec(cap) ?? [];
  return Number(amount);
}

/** `gpt-4o=2.5/10`, and more of them after commas. */
export function prices(text: string): Prices {
  const found = readPrices(text.split(","));
  if (found) return found;
  throw new InvalidArgumentError(
    "It must be prices of a million tokens of input and output by model, such as gpt-4o=2.5/10,*=1/3.",
  );
}
