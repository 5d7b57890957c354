/** What a file's requests will take, as far as its size and what was measured so far can tell. All rules of it are here. */

import type { Statistics } from "../core/reports.ts";
import type { Pace } from "./upstreams/types.ts";

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

export interface Estimate {
  input_tokens: Range;
  /** Null where it is not known. */
  seconds: Range | null;
}

export function inputTokens(requests: number, bytes: number): Range {
  const text = Math.max(bytes - FRAME_BYTES * requests, 0);
  return {
    low: Math.max(Math.ceil(text / BYTES_PER_TOKEN.most), requests),
    high: Math.max(Math.ceil(bytes / BYTES_PER_TOKEN.least), requests),
  };
}

/** The time of a run that begins now, with each pool of model servers at work for it alone. */
export function runSeconds(
  requests: number,
  { models }: Pick<Statistics, "models">,
  pace: (model: string | undefined) => Pace | null,
): Range | null {
  const unnamed = requests - models.reduce((sum, { count }) => sum + count, 0);
  const shares = [...models.map(({ name, count }) => [name, count] as const), [undefined, unnamed] as const];
  const pools = new Map<string, { found: Pace; requests: number }>();
  for (const [model, count] of shares) {
    if (count === 0) continue;
    const found = pace(model);
    if (found === null) return null;
    const before = pools.get(found.pool)?.requests ?? 0;
    pools.set(found.pool, { found, requests: before + count });
  }
  // Pools run beside each other.
  const mean = Math.max(
    0,
    ...[...pools.values()].map(
      ({ found: { seconds, concurrency }, requests }) => Math.ceil(requests / concurrency) * seconds,
    ),
  );
  return { low: Math.floor(mean / TIME_BAND), high: Math.ceil(mean * TIME_BAND) };
}
