/** A file that is to be uploaded: read once to know it, and again to send it. Packed ones are unpacked as they are read. */

import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { cannotOpen, openInput } from "../input.ts";
import { CannotRun } from "../terminal.ts";

/** What is sent. */
export interface Content {
  /** How the user named the file. */
  name: string;
  /** What the server is to call it. */
  filename: string;
  /** Of the content, unpacked. */
  bytes: number;
  sha256: string;
}

/** @throws CannotRun for what cannot be read twice */
export async function checkReadable(path: string): Promise<void> {
  if (path === "-") throw new CannotRun("submit needs a file that it can read again, not standard input");
  const status = await stat(path).catch((error: unknown) => {
    throw cannotOpen(path, error);
  });
  if (status.isDirectory()) throw new CannotRun(`${path} is a directory, not a file`);
  if (!status.isFile()) throw new CannotRun(`${path} is not a regular file`);
}

/** Servers take batch files by the name of .jsonl alone. */
export function filenameOf(path: string): string {
  const stem = basename(path).replace(/\.(?:gz|zst)$/i, "");
  return /\.jsonl$/i.test(stem) ? stem : `${stem.replace(/\.(?:json|ndjson|txt)$/i, "")}.jsonl`;
}

/** The content, in chunks that are the taker's. @throws CannotRun at its end, if it is not what it was */
export async function* reading(
  content: Content,
  onBytes: (sent: number) => void,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let sent = 0;
  for await (const chunk of (await openInput(content.name)).chunks) {
    hash.update(chunk);
    sent += chunk.length;
    if (sent > content.bytes) break;
    yield chunk.slice();
    onBytes(sent);
  }
  if (sent === content.bytes && hash.digest("hex") === content.sha256) return;
  throw new CannotRun(`${content.name} has changed while it was uploaded; submit it when it is whole`);
}
