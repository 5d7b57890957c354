/** What the platform would put on a bill, and what it costs. */

/**
 * Dollars each, of the paid plan, without what it includes. From developers.cloudflare.com, as of 27 November 2026:
 * /durable-objects/platform/pricing, /r2/pricing, /workers/platform/pricing.
 */
export const prices = {
  /** Calls to Durable Objects, and alarms. */
  objectRequest: 0.15e-6,
  /** An object of 128 MB for a second in which it runs or waits: 0.128 GB-s. Idle ones that may hibernate cost nothing. */
  gigabyteSecond: 12.5e-6,
  rowRead: 0.001e-6,
  rowWritten: 1e-6,
  /** Writes to R2: put, and each part of an upload. */
  r2Write: 4.5e-6,
  r2Read: 0.36e-6,
  /** Calls to Workers: the cron, once a minute. */
  workerRequest: 0.3e-6,
} as const;

/** The platform rounds an object's memory to this. */
const OBJECT_GB = 0.128;

export interface Usage {
  objectRequests: number;
  gigabyteSeconds: number;
  rowsRead: number;
  rowsWritten: number;
  r2Writes: number;
  r2Reads: number;
  workerRequests: number;
}

export const noUsage: Usage = {
  ...{ objectRequests: 0, gigabyteSeconds: 0, rowsRead: 0, rowsWritten: 0 },
  ...{ r2Writes: 0, r2Reads: 0, workerRequests: 0 },
};

export class Meter {
  readonly usage: Usage = { ...noUsage };

  /** An object ran, or waited, for so long. */
  awake(ms: number): void {
    this.usage.gigabyteSeconds += (ms / 1_000) * OBJECT_GB;
  }
}

export function dollars(usage: Usage): number {
  return (
    usage.objectRequests * prices.objectRequest +
    usage.gigabyteSeconds * prices.gigabyteSecond +
    usage.rowsRead * prices.rowRead +
    usage.rowsWritten * prices.rowWritten +
    usage.r2Writes * prices.r2Write +
    usage.r2Reads * prices.r2Read +
    usage.workerRequests * prices.workerRequest
  );
}
