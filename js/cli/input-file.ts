/** The input of a run: read through one handle, and known by its content, not by its name or its time. */

import { createHash } from "node:crypto";
import { type FileHandle, open, rename, stat } from "node:fs/promises";
import { packingOf } from "../core/packing.ts";
import { openFile, openInput } from "./input.ts";
import { CannotRun } from "./terminal.ts";

/** What tells one input from another. */
export interface Identity {
  /** Of the content, unpacked. */
  bytes: number;
  sha256: string;
  /** Of the file as it lies there: as long as both are the same, so is the content, and it is not read again. */
  size: number;
  mtime: string;
}

/** Called now and then with the bytes read so far, and the total. */
export type OnBytes = (done: number, total: number) => void;

/** Reads a file once to know it, and unpacks it to `unpackTo` if it is packed. @throws CannotRun */
export async function identify(name: string, unpackTo: string | null, onBytes: OnBytes): Promise<Identity> {
  for (let tries = 0; tries < 3; tries++) {
    const before = await look(name);
    const { bytes, sha256 } = await digest(name, unpackTo, onBytes);
    const after = await look(name);
    if (before.size === after.size && before.mtime === after.mtime) return { bytes, sha256, ...after };
  }
  throw new CannotRun(`${name} is being written to; run it when it is whole`);
}

/** Whether a file still has the content it had. Gives what it is known by now, or null. */
export async function recognize(name: string, known: Identity, onBytes: OnBytes): Promise<Identity | null> {
  const { size, mtime } = await look(name);
  if (size === known.size && mtime === known.mtime) return known;
  if (size !== known.size && !(await isPacked(name))) return null;
  const now = await identify(name, null, onBytes);
  return now.sha256 === known.sha256 ? now : null;
}

/** Whether a file is packed. */
export async function isPacked(name: string): Promise<boolean> {
  const handle = await openFile(name);
  try {
    const head = new Uint8Array(4);
    await handle.read(head, 0, head.length, 0);
    return packingOf(head) !== null;
  } finally {
    await handle.close();
  }
}

/** An input that is being read. Its handle stays open: replacing or removing the file does no harm. */
export class InputFile {
  readonly #name: string;
  readonly #handle: FileHandle;
  readonly #identity: Identity;
  #mtime: bigint;
  #checking: Promise<void> | undefined;

  private constructor(name: string, handle: FileHandle, identity: Identity, mtime: bigint) {
    this.#name = name;
    this.#handle = handle;
    this.#identity = identity;
    this.#mtime = mtime;
  }

  /** Opens what was identified before. */
  static async open(path: string, name: string, identity: Identity): Promise<InputFile> {
    const handle = await openFile(path);
    const { mtimeNs, size } = await handle.stat({ bigint: true });
    const input = new InputFile(name, handle, identity, mtimeNs);
    if (Number(size) === identity.bytes) return input;
    await handle.close();
    throw new InputChanged(name);
  }

  get bytes(): number {
    return this.#identity.bytes;
  }

  /** @throws InputChanged when its content is no longer what it was */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.max(Math.min(length, this.bytes - offset), 0));
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await this.#handle.read(bytes, done, bytes.length - done, offset + done);
      if (bytesRead === 0) throw new InputChanged(this.#name);
      done += bytesRead;
    }
    // After the read: what was written before it is seen.
    const { size, mtimeNs } = await this.#handle.stat({ bigint: true });
    if (Number(size) !== this.bytes) throw new InputChanged(this.#name);
    if (mtimeNs !== this.#mtime) {
      this.#checking ??= this.#check().finally(() => {
        this.#checking = undefined;
      });
      await this.#checking;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** A new time alone is no change. */
  async #check(): Promise<void> {
    const { mtimeNs } = await this.#handle.stat({ bigint: true });
    const hash = createHash("sha256");
    const buffer = new Uint8Array(1 << 20);
    for (let at = 0; at < this.bytes; ) {
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    if (hash.digest("hex") !== this.#identity.sha256) throw new InputChanged(this.#name);
    this.#mtime = mtimeNs;
  }
}

/** The input is not what it was when its run began. */
export class InputChanged extends Error {
  constructor(name: string) {
    super(`${name} has changed while it was run`);
  }
}

async function look(name: string): Promise<{ size: number; mtime: string }> {
  const { size, mtimeNs } = await stat(name, { bigint: true });
  return { size: Number(size), mtime: String(mtimeNs) };
}

async function digest(
  name: string,
  unpackTo: string | null,
  onBytes: OnBytes,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  const input = await openInput(name);
  const out = unpackTo === null ? null : await open(`${unpackTo}.new`, "w");
  try {
    for await (const chunk of input.chunks) {
      hash.update(chunk);
      bytes += chunk.length;
      await out?.writeFile(chunk);
      onBytes(input.position(), input.size ?? 0);
    }
    await out?.sync();
  } finally {
    await out?.close();
  }
  if (unpackTo !== null) await rename(`${unpackTo}.new`, unpackTo);
  return { bytes, sha256: hash.digest("hex") };
}
