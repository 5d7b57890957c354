/** What happens to a world. Chances are of each call; times are means, in milliseconds, and Infinity is never. */

export interface Faults {
  /** A server's process dies, at any moment of any call. */
  killMs: number;
  /** A server's process is cut off for a while: nothing of it comes through, and then all does. How often, and how long. */
  stallMs: number;
  stallForMs: number;
  /** Of calls of the store: refused, nothing was done; done, and nobody heard of it; slow. */
  refused: number;
  lost: number;
  slow: number;
  slowMs: number;
  /** The store refuses everything for a while: how often, and how long. */
  outageMs: number;
  outageForMs: number;
  /** The same of objects of files, and of their last byte: cut off in the middle. */
  blobRefused: number;
  blobLost: number;
  /** What the model server does instead of an answer. */
  throttled: number;
  broken: number;
  reset: number;
  hangs: number;
  unreadable: number;
  /** It throttles everybody for a while. */
  stormMs: number;
  stormForMs: number;
  /** A client hears nothing of a call that was carried out. */
  unheard: number;
  /** The site of webhooks is away, or answers with an error. */
  siteFails: number;
  /** The clock of a server is set, by up to so much. */
  skewMs: number;
}

export const none: Faults = {
  ...{ killMs: Infinity, stallMs: Infinity, stallForMs: 0 },
  ...{ refused: 0, lost: 0, slow: 0, slowMs: 0, outageMs: Infinity, outageForMs: 0 },
  ...{ blobRefused: 0, blobLost: 0 },
  ...{ throttled: 0, broken: 0, reset: 0, hangs: 0, unreadable: 0, stormMs: Infinity, stormForMs: 0 },
  ...{ unheard: 0, siteFails: 0, skewMs: 0 },
};

/** Everything at once. */
export const rough: Faults = {
  ...{ killMs: 12_000, stallMs: 15_000, stallForMs: 6_000 },
  ...{ refused: 0.01, lost: 0.01, slow: 0.02, slowMs: 400, outageMs: 90_000, outageForMs: 10_000 },
  ...{ blobRefused: 0.02, blobLost: 0.02 },
  ...{ throttled: 0.02, broken: 0.02, reset: 0.02, hangs: 0.003, unreadable: 0.005 },
  ...{ stormMs: 120_000, stormForMs: 15_000 },
  ...{ unheard: 0.03, siteFails: 0.3, skewMs: 0 },
};
