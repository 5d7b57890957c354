/** How quickly a batch moves, from what the page has seen of it. */

export interface Sample {
  /** Milliseconds, of the browser's clock. */
  at: number;
  /** Requests that had ended. */
  ended: number;
}

/** Enough for a chart; a longer time is seen more coarsely. */
const MOST = 240;
/** What "now" is, for the rate. */
const RECENT_MS = 30_000;

/** The samples with one more; every second of the old ones is left out when there are too many. */
export function withSample(samples: readonly Sample[], next: Sample): Sample[] {
  const kept = samples.length < MOST ? samples : samples.filter((_, i) => i % 2 === 0);
  return [...kept, next];
}

/** Requests a second of late; null until two samples tell. */
export function rateOf(samples: readonly Sample[]): number | null {
  const last = samples.at(-1);
  if (!last) return null;
  const first = samples.find(({ at }) => last.at - at <= RECENT_MS);
  return first ? rateBetween(first, last) : null;
}

function rateBetween(from: Sample, to: Sample): number | null {
  const seconds = (to.at - from.at) / 1000;
  return seconds > 0 ? Math.max(0, to.ended - from.ended) / seconds : null;
}

export interface Point {
  at: number;
  rate: number;
}

/** The rate between each sample and the one before it. */
export function ratesOf(samples: readonly Sample[]): Point[] {
  return samples.slice(1).flatMap((to, i) => {
    const rate = rateBetween(samples[i] as Sample, to);
    return rate === null ? [] : [{ at: to.at, rate }];
  });
}
