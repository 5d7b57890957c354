/**
 * How many calls a tenant may make: a bucket that holds a minute's calls, and is filled up evenly. Only what passes between
 * two calls counts: a clock that was set back fills nothing, and takes nothing away.
 */

import { ApiError } from "../core/errors.ts";

const MINUTE_MS = 60_000;
/** What is lost to fractions that no number holds. */
const ROUNDING = 1e-6;

/** What is in a bucket, and since when, in Unix milliseconds. */
export interface Level {
  tokens: number;
  at: number;
}

/** What was said to a call. */
export interface Allowance {
  granted: boolean;
  /** Calls a minute. */
  limit: number;
  /** Calls that would be granted at once. */
  remaining: number;
  /** Until the bucket is full. */
  resetMs: number;
  /** Until the next call would be granted; 0 for one that was. */
  retryMs: number;
}

/** Lets a call in, or not. There is no level before the first. */
export function take(
  before: Level | null,
  limit: number,
  now: number,
): { level: Level; allowance: Allowance } {
  const tokensPerMs = limit / MINUTE_MS;
  const passed = before === null ? MINUTE_MS : Math.max(now - before.at, 0);
  const had = Math.min((before?.tokens ?? 0) + passed * tokensPerMs, limit);
  const granted = had >= 1 - ROUNDING;
  const tokens = granted ? Math.max(had - 1, 0) : had;
  const wholeMs = (tokens: number) => Math.ceil(tokens / tokensPerMs - ROUNDING);
  return {
    level: { tokens, at: now },
    allowance: {
      ...{ granted, limit, remaining: Math.floor(tokens + ROUNDING) },
      resetMs: wholeMs(limit - tokens),
      retryMs: granted ? 0 : Math.max(wholeMs(1 - tokens), 1),
    },
  };
}

/** What OpenAI says of it in the headers of every answer. */
export function rateHeaders({ granted, limit, remaining, resetMs, retryMs }: Allowance): [string, string][] {
  return [
    ["x-ratelimit-limit-requests", String(limit)],
    ["x-ratelimit-remaining-requests", String(remaining)],
    ["x-ratelimit-reset-requests", duration(resetMs)],
    ...(granted
      ? []
      : ([
          ["retry-after", String(Math.ceil(retryMs / 1_000))],
          ["retry-after-ms", String(retryMs)],
        ] satisfies [string, string][])),
  ];
}

/** The answer to a call that was one too many. Clients look for the time in its text. */
export function tooMany({ limit, remaining, retryMs }: Allowance): ApiError {
  return new ApiError({
    ...{ status: 429, type: "requests", param: null, code: "rate_limit_exceeded" },
    message:
      `Rate limit reached on requests per min (RPM): Limit ${limit}, Used ${limit - remaining}, Requested 1. ` +
      `Please try again in ${duration(retryMs)}.`,
  });
}

/** As OpenAI writes it, which is as Go does: `120ms`, `1.5s`, `6m0s`. */
function duration(ms: number): string {
  if (ms < 1_000) return `${ms}ms`;
  const minutes = Math.floor(ms / MINUTE_MS);
  const seconds = (ms - minutes * MINUTE_MS) / 1_000;
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`;
}
