/** What a batch waits for, in words. */

import type { BatchWait } from "../core/types.ts";
import { clock, oneLine } from "./terminal.ts";

/** A wait from this on is worth a line of its own. */
const longWaitMs = 5_000;

/** Why nothing starts now and until when, while that is to come. */
export function waitOf(waiting: BatchWait | undefined): { text: string; long: boolean } | null {
  if (waiting === undefined) return null;
  const { status, reason, message, until } = waiting;
  const ms = until * 1_000 - Date.now();
  if (ms <= 0) return null;
  const why = [status, oneLine(message || reason).slice(0, 100)].filter((part) => part !== null).join(" ");
  return { text: `waiting until ${clock(until * 1_000)} (${why})`, long: ms >= longWaitMs };
}
