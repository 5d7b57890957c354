/** What a file is if it cannot be a batch file, by its first bytes. */

import type { Sniffed } from "../core/convert.ts";
import { sniff } from "../entry/files.ts";
import { CannotRun } from "./terminal.ts";

const advice: Record<NonNullable<Sniffed["remedy"]>, string> = {
  unpack: "; unpack it first",
  fix: "; edgebatch fix makes a batch file of it",
  convert: "; edgebatch convert makes a batch file of it",
  read: "; a batch file has requests, and edgebatch merge takes results beside them",
};

/** @throws CannotRun in a sentence for what begins so and is no batch file */
export function refuseOthers(name: string, head: Uint8Array): void {
  const found = sniff(head);
  if (found === null) return;
  throw new CannotRun(`${name} is ${found.is}${found.remedy === null ? "" : advice[found.remedy]}`);
}
