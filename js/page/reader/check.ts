/** Checks a file: the bytes go through the core, and what it finds goes to the page as it is found. */

import { FirstLine } from "../../core/first-line.ts";
import type { Statistics } from "../../core/reports.ts";
import type { ValidatorOptions } from "../../core/settings.ts";
import type { BatchError } from "../../core/types.ts";
import { Validator } from "../../core/validator.ts";
import type { LineIndex } from "./line-index.ts";
import type { CheckSettings, Counts } from "./protocol.ts";
import { open } from "./source.ts";

const PROGRESS_MS = 100;
/** Bytes after which it is looked at what was found: pieces may be much smaller. */
const LOOK_BYTES = 512 * 1024;
/** Errors sent at once: the page takes a few milliseconds for these. */
const ERRORS_AT_ONCE = 2_000;
export interface Found {
  read: number;
  endpoint: string;
  counts: Counts;
  statistics: Statistics;
  errors: BatchError[];
}

/** The options by which the core is asked, the second time as the first. */
export function validatorOptions(
  settings: CheckSettings,
  endpoint: string,
  maxErrors: number,
): ValidatorOptions {
  const { dialect, singleModel, maxRequests, maxFileBytes } = settings;
  return { endpoint, dialect, singleModel, limits: { maxRequests, maxFileBytes, maxErrors } };
}

/** Checks a file until its end or until `stopped` says so. Gives where its lines are. */
export async function check(
  file: Blob,
  settings: CheckSettings,
  endpoint: string,
  maxErrors: number,
  index: LineIndex,
  found: (found: Found) => void,
  stopped: () => boolean,
): Promise<void> {
  const validator = new Validator({ ...validatorOptions(settings, endpoint, maxErrors), statistics: true });
  const pending: BatchError[] = [];
  const source = await open(file);
  const tell = () => {
    const { errors: _, ...counts } = validator.report();
    const statistics = validator.statistics() as Statistics;
    const errors = pending.splice(0, ERRORS_AT_ONCE);
    found({ read: source.consumed, endpoint, counts, statistics, errors });
  };
  try {
    tell();
    let reported = performance.now();
    let unseen = 0;
    for (let piece = await source.read(); piece && !stopped(); piece = await source.read()) {
      validator.push(piece);
      unseen += piece.length;
      if (unseen < LOOK_BYTES) continue;
      unseen = 0;
      for (const error of validator.takeErrors()) pending.push(error);
      const { bytes, lineCount } = validator.report();
      index.note(bytes, lineCount);
      const now = performance.now();
      if (now - reported < PROGRESS_MS) continue;
      reported = now;
      tell();
      // Messages are heard between tasks, and reading alone may not leave this one.
      await nextTask();
    }
    if (!stopped()) validator.finish();
    for (const error of validator.takeErrors()) pending.push(error);
    do {
      tell();
      await nextTask();
    } while (pending.length > 0);
  } finally {
    validator.free();
    source.close();
  }
}

/** The endpoint that the first request of a file names. */
export async function endpointOf(file: Blob): Promise<string> {
  const source = await open(file);
  const line = new FirstLine();
  try {
    for (let piece = await source.read(); piece && line.push(piece); ) piece = await source.read();
    return line.endpoint();
  } finally {
    source.close();
  }
}

/** After everything that has happened by now was dealt with. */
export function nextTask(): Promise<void> {
  return new Promise((next) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      next();
    };
    port2.postMessage(null);
  });
}
