/** What a file's requests will take, as far as its size and what is known of the server can tell. All rules of it are here. */

/**
 * Bytes of a file to a token. Prose in English has 4 to 5, code 3 to 4, Chinese 2 to 4, numbers about 3; text with every character
 * escaped has more. Within images and sounds nothing is known: what is sent in base64 counts far too much.
 */
const BYTES_PER_TOKEN = { most: 8, least: 2 };
/** Bytes of a line that no model sees: `custom_id`, `method`, `url` and the names in a body. */
const FRAME_BYTES = 128;
/** A batch takes from half to twice the time that it would by the mean: its answers may be longer, and others may run beside it. */
const TIME_BAND = 2;

export interface Range {
  low: number;
  high: number;
}

export function inputTokens(requests: number, bytes: number): Range {
  const text = Math.max(bytes - FRAME_BYTES * requests, 0);
  return {
    low: Math.max(Math.ceil(text / BYTES_PER_TOKEN.most), requests),
    high: Math.max(Math.ceil(bytes / BYTES_PER_TOKEN.least), requests),
  };
}

/** Seconds of requests that are answered so fast, so many at once, by the mean. */
export function meanSeconds(requests: number, pace: { seconds: number; concurrency: number }): number {
  return Math.ceil(requests / pace.concurrency) * pace.seconds;
}

/** The time of a run that by the mean would take so many seconds. */
export function timeBand(mean: number): Range {
  return { low: Math.floor(mean / TIME_BAND), high: Math.ceil(mean * TIME_BAND) };
}

/** What tokens cost at prices for a million. What is answered is taken as it is said. */
export function cost(input: Range, output: number, prices: { input: number; output: number }): Range {
  const at = (tokens: number) => (tokens * prices.input + output * prices.output) / 1e6;
  return { low: at(input.low), high: at(input.high) };
}
