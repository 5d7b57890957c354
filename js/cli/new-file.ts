/** A batch file that is made of another: it has its name once it is whole, and is checked as it is written. */

import { unlinkSync } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { release } from "../core/bytes.ts";
import { Validator } from "../entry/node.ts";
import { emptyFile } from "./empty-file.ts";
import type { Input } from "./input.ts";
import { discard, inTheWay, place } from "./place.ts";
import { left, modeFor, Progress } from "./progress.ts";
import { Signals } from "./signals.ts";
import { type Target, targetAt } from "./target.ts";
import { bytes, CannotRun, exit, print } from "./terminal.ts";
import type { Checked } from "./validate.ts";

export interface NewFileOptions {
  out?: string;
  force?: boolean;
  json?: boolean;
}

/** A file without what tells how it is packed and what it holds. */
export const stemOf = (path: string) =>
  path.replace(/\.(gz|zst)$/i, "").replace(/\.(jsonl|ndjson|json|txt|csv|tsv)$/i, "");

/** Where the new file goes. @throws CannotRun when it would be the old one */
export async function newFileAt(path: string, ending: string, options: NewFileOptions): Promise<Target> {
  if (path === "-" && options.out === undefined) {
    throw new CannotRun("standard input has no name: --out names the new file, or - for standard output");
  }
  const target = await targetAt(options.out ?? `${stemOf(path)}${ending}`);
  if (target.path === "-" && options.json) {
    throw new CannotRun("--json writes to standard output too; name a file with --out");
  }
  if (target.kind === "file" && target.exists) {
    if ((await realpath(path).catch(() => null)) === target.path) {
      throw new CannotRun(`${path} is the file itself, which stays as it is; name another with --out`);
    }
    if (!options.force) throw inTheWay(target.path);
  }
  return target;
}

/** Drafts that an interrupted command must not leave behind. */
const drafts = new Set<string>();
let signals: Signals | null = null;

/** Ctrl-C takes the drafts with it: nothing can be made of them later. */
function interrupted(): void {
  for (const path of drafts) {
    try {
      unlinkSync(path);
    } catch {
      // It has its name by now, or its folder is gone.
    }
  }
  process.exit(signals?.received === "SIGTERM" ? exit.terminated : exit.interrupted);
}

/** A file until it is whole. */
export class Draft {
  readonly #target: Target;
  readonly #path: string;
  #handle: FileHandle | null;

  private constructor(target: Target, path: string, handle: FileHandle | null) {
    this.#target = target;
    this.#path = path;
    this.#handle = handle;
  }

  static async open(target: Target): Promise<Draft> {
    const { path, kind } = target;
    if (path === "-") return new Draft(target, path, null);
    const draft = kind === "file" ? join(dirname(path), `.${basename(path)}.making`) : path;
    if (kind === "file") {
      drafts.add(draft);
      signals ??= new Signals({ first: interrupted, second: interrupted });
    }
    return new Draft(target, draft, await open(draft, "w"));
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#path === "-") await print(chunk);
    else await this.#handle?.writeFile(chunk);
  }

  /** Nothing more is written to it. */
  async end(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    try {
      if (this.#target.kind === "file") await handle?.sync();
    } finally {
      await handle?.close();
    }
  }

  /** It is whole, and gets its name. */
  async place(force: boolean): Promise<void> {
    await this.end();
    if (this.#target.kind === "file") await place(this.#path, this.#target.path, force);
  }

  /** What was written goes, unless it was placed. */
  async close(): Promise<void> {
    await this.#handle?.close();
    if (this.#target.kind !== "file") return;
    await discard(this.#path);
    drafts.delete(this.#path);
    if (drafts.size > 0) return;
    signals?.end();
    signals = null;
  }
}

/** Writes chunks, where there is a draft for them, and checks what they hold. */
export async function checkedAs(
  chunks: AsyncIterable<Uint8Array>,
  draft: Draft | null,
  { name, endpoint, maxLineBytes }: { name: string; endpoint: string; maxLineBytes?: number | undefined },
): Promise<Checked> {
  const validator = new Validator({ endpoint, limits: { maxLineBytes } });
  for await (const chunk of chunks) {
    validator.push(chunk);
    await draft?.write(chunk);
    release(chunk);
  }
  const { errors, errorCount, requestCount: requests } = validator.finish();
  const empty = requests === 0 && errorCount === 0;
  return {
    name,
    endpoint,
    requests,
    ...(empty ? { errors: [emptyFile], errorCount: 1 } : { errors, errorCount }),
  };
}

/** What is made of an input, with progress. */
export async function* madeOf(
  input: Input,
  phase: string,
  make: { push(chunk: Uint8Array): Uint8Array; finish(): Uint8Array },
): AsyncGenerator<Uint8Array> {
  const progress = new Progress(modeFor({ lines: false }));
  try {
    for await (const chunk of input.chunks) {
      yield make.push(chunk);
      const done = input.position();
      progress.update({
        phase,
        done,
        total: input.size,
        text: (rate) => {
          if (input.size === null) return [bytes(done), `${bytes(rate)}/s`];
          return [`${bytes(done)} of ${bytes(input.size)}`, ...left(input.size - done, rate)];
        },
      });
    }
    yield make.finish();
  } finally {
    progress.stop();
  }
}
