/**
 * Where the result of each request is, in output and error files of any server and in any order. The index is a store on
 * disk, and ids are kept by their hash: memory grows neither with the files nor with the ids.
 */

import { createHash } from "node:crypto";
import { type FileHandle, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type End, endOf, type ResultLine } from "../../core/result-line.ts";
import type { KVOp } from "../../core/types.ts";
import { SqliteKV } from "../../entry/node.ts";
import { openFile, readAll } from "../input.ts";
import { isPacked } from "../input-file.ts";
import { CannotRun } from "../terminal.ts";
import { isBlank, linesOf, objectIn } from "./lines.ts";

interface Place {
  /** Which of the files. */
  file: number;
  end: End;
  offset: number;
  length: number;
}

/** Entries that are written at once. */
const groupSize = 1_000;

export class ResultsIndex {
  /** A folder for what is made on the way. */
  readonly folder: string;
  readonly #kv: SqliteKV;
  readonly #files: FileHandle[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.#kv = new SqliteKV(join(folder, "index.db"), { durability: "process" });
  }

  static async open(): Promise<ResultsIndex> {
    return new ResultsIndex(await mkdtemp(join(tmpdir(), "edgebatch-retry-")));
  }

  async close(): Promise<void> {
    this.#kv.close();
    for (const file of this.#files) await file.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /**
   * Takes the results of a file. Of several for one request an answer with 2xx counts, and else the last one. Gives the lines
   * that are no results, such as the last one of a process that was killed. @throws CannotRun
   */
  async add(path: string): Promise<number> {
    if (await isPacked(path)) throw new CannotRun(`${path} is packed; unpack it first`);
    let strange = 0;
    let group = new Map<string, Place>();
    const file = this.#files.length;
    this.#files.push(await openFile(path));
    for await (const { bytes, offset } of linesOf(readAll(await openFile(path)))) {
      if (isBlank(bytes)) continue;
      const line: ResultLine | undefined = objectIn(bytes);
      if (typeof line?.custom_id !== "string") {
        strange += 1;
        continue;
      }
      const key = keyOf(line.custom_id);
      const end = endOf(line);
      const before = group.get(key)?.end ?? (await this.#get(key))?.end;
      if (before === "answered" && end !== "answered") continue;
      group.set(key, { file, end, offset, length: bytes.length });
      if (group.size === groupSize) {
        await this.#save(group);
        group = new Map();
      }
    }
    await this.#save(group);
    return strange;
  }

  /** How a request ended; null where there is no result. */
  async endOf(id: string): Promise<End | null> {
    return (await this.#get(keyOf(id)))?.end ?? null;
  }

  /** A request's line, without a line feed, and how it ended; null where there is none. */
  async resultOf(id: string): Promise<{ end: End; bytes: Uint8Array } | null> {
    const place = await this.#get(keyOf(id));
    if (place === null) return null;
    const { file, end, offset, length } = place;
    const bytes = new Uint8Array(length);
    const { bytesRead } = await (this.#files[file] as FileHandle).read(bytes, 0, length, offset);
    if (bytesRead < length) throw new CannotRun("a file of results became shorter while it was read");
    return { end, bytes };
  }

  async #get(key: string): Promise<Place | null> {
    const value = await this.#kv.get(key);
    return value && (JSON.parse(new TextDecoder().decode(value)) as Place);
  }

  async #save(group: Map<string, Place>): Promise<void> {
    const ops = [...group].map(([key, place]): KVOp => {
      return { type: "set", key, value: new TextEncoder().encode(JSON.stringify(place)) };
    });
    if (ops.length > 0) await this.#kv.batch(ops);
  }
}

function keyOf(id: string): string {
  return createHash("sha256").update(id).digest("base64url").slice(0, 22);
}
