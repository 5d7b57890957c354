/**
 * Names of files that are being written: `<id>~<host>-<pid>-<nonce>.<kind>`. They tell whose they are, so that what a
 * crash has left can be told from what a living writer is at.
 */

import { fs, os, paths } from "./node-modules.ts";

const thisHost = () => hash32(os().hostname());
const STALE_MS = 24 * 60 * 60 * 1000;

/** Names that this process is writing. A name of this process that is not here is of an earlier one with its pid. */
const writing = new Set<string>();

/** A new name for bytes, or for metadata on its way. It counts as being written until {@link release}. */
export function reserve(id: string, kind: "data" | "json"): string {
  const name = `${id}~${thisHost()}-${process.pid}-${nonce()}.${kind}`;
  writing.add(name);
  return name;
}

function nonce(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString("hex");
}

/** FNV-1a, as 8 hex digits: tells machines apart. `node:crypto` would take longer to load than all of this package. */
function hash32(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}

/** Ends what {@link reserve} began. */
export function release(name: string): void {
  writing.delete(name);
}

/** The id of what a name is of; null for a name that {@link reserve} has not made. */
export function idOf(name: string): string | null {
  return parts(name)?.[1] ?? null;
}

/** Whether whoever reserved a name may still be at it. */
export async function isBeingWritten(directory: string, name: string): Promise<boolean> {
  const [, , host, pid] = parts(name) ?? [];
  if (host !== thisHost()) {
    // Another machine, or another container, that shares the directory: its processes cannot be asked after.
    const { mtimeMs } = await fs()
      .promises.stat(paths().join(directory, name))
      .catch(() => ({ mtimeMs: 0 }));
    return Date.now() - mtimeMs < STALE_MS;
  }
  if (Number(pid) === process.pid) return writing.has(name);
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function parts(name: string): RegExpExecArray | null {
  return /^(.+)~([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.(?:data|json)$/.exec(name);
}
