/** `edgebatch retry INPUT`: what has no answer yet of a file that ran anywhere, and old results and new in one file. */

import { open, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { BatchRerun } from "../../core/types.ts";
import { openInput } from "../input.ts";
import { inTheWay, place } from "../place.ts";
import type { RunOptions } from "../plan.ts";
import { run } from "../run.ts";
import { pour, type Target, targetAt } from "../target.ts";
import { CannotRun, count, exit, plural, say } from "../terminal.ts";
import { isBlank, linesOf, objectIn } from "./lines.ts";
import { ResultsIndex } from "./results-index.ts";

export interface RetryFilesOptions extends Omit<RunOptions, "out" | "errors"> {
  output: string[];
  errors?: string[];
  only?: BatchRerun[];
  /** Where old results and new go. */
  merge?: string;
  /** Where the lines go that are to run. */
  to?: string;
}

/** What is written at once. */
const groupBytes = 256 << 10;

/** Gives the exit status. */
export async function retryFiles(input: string, options: RetryFilesOptions): Promise<number> {
  if (input === "-") throw new CannotRun("retry needs a file that it can read again, not standard input");
  const { output, errors = [], force = false, ...running } = options;
  const tell = options.quiet ? () => {} : say;
  const read = [input, ...output, ...errors];
  const merged =
    options.merge === undefined ? undefined : await mergeTarget("--merge", options.merge, read, force);
  const index = await ResultsIndex.open();
  const join = async () =>
    merged === undefined ? exit.good : await merge(index, input, merged, force, tell);
  try {
    for (const path of [...errors, ...output]) await take(index, path, tell);
    if (merged !== undefined && options.url === undefined) return await join();
    const stem = resolve(input).replace(/(\.jsonl)?(\.(?:gz|zst))?$/i, "");
    const to = await targetBeside(read, "--to", options.to ?? `${stem}.retry.jsonl`);
    if (to.kind !== "file") throw new CannotRun("--to must name a file");
    const { left, total } = await writeLeft(index, input, to.path, options.only, force);
    if (left === 0) {
      tell(`${plural(total, "request")}, and none is to run again`);
      return await join();
    }
    tell(`${count(left)} of ${plural(total, "request")} are to run: wrote ${to.path}`);
    if (options.url === undefined) return exit.good;
    const status = await run(to.path, { ...running, force });
    if (status !== exit.good || merged === undefined) return status;
    const made = to.path.replace(/\.jsonl$/i, "");
    for (const path of [`${made}.errors.jsonl`, `${made}.output.jsonl`])
      if ((await targetAt(path)).exists) await take(index, path, tell);
    return await join();
  } finally {
    await index.close();
  }
}

/** Joins the results of a file in the order of its requests. Gives the exit status. */
export async function mergeFiles(
  input: string,
  results: string[],
  { out, force = false, quiet = false }: { out: string; force?: boolean; quiet?: boolean },
): Promise<number> {
  if (input === "-") throw new CannotRun("merge needs a file that it can read, not standard input");
  const tell = quiet ? () => {} : say;
  const target = await mergeTarget("--out", out, [input, ...results], force);
  const index = await ResultsIndex.open();
  try {
    for (const path of results) await take(index, path, tell);
    return await merge(index, input, target, force, tell);
  } finally {
    await index.close();
  }
}

/** Where a file goes that is none of those to be read. @throws CannotRun */
async function targetBeside(read: string[], name: string, path: string): Promise<Target> {
  const target = await targetAt(path);
  const given = await Promise.all(read.map((path) => realpath(path).catch(() => path)));
  if (given.includes(target.path)) throw new CannotRun(`${name} names ${path}, which is to be read`);
  return target;
}

async function mergeTarget(name: string, path: string, read: string[], force: boolean): Promise<Target> {
  const target = await targetBeside(read, name, path);
  if (target.kind === "file" && target.exists && !force) throw inTheWay(target.path);
  return target;
}

async function take(index: ResultsIndex, path: string, tell: (text: string) => void): Promise<void> {
  const strange = await index.add(path);
  if (strange === 0) return;
  tell(`edgebatch: ${plural(strange, "line")} of ${path} ${strange === 1 ? "is" : "are"} no result`);
}

/** Writes the lines that are to run. A file with the same is left as it is. */
async function writeLeft(
  index: ResultsIndex,
  input: string,
  to: string,
  only: BatchRerun[] | undefined,
  force: boolean,
): Promise<{ left: number; total: number }> {
  const from = join(index.folder, "left.jsonl");
  const file = await Output.open(from);
  let total = 0;
  try {
    for await (const { id, bytes } of requestsOf(input)) {
      total += 1;
      const end = await index.endOf(id);
      const runs =
        end === null || end === "left out" || (end !== "answered" && (only?.includes(end) ?? true));
      if (runs) await file.line(bytes);
    }
  } finally {
    await file.close();
  }
  if (file.lines > 0) await place(from, to, force);
  return { left: file.lines, total };
}

/** Writes the last result of each request, in the order of the input. */
async function merge(
  index: ResultsIndex,
  input: string,
  to: Target,
  force: boolean,
  tell: (text: string) => void,
): Promise<number> {
  const from = join(index.folder, "merged.jsonl");
  const file = await Output.open(from);
  let [total, answered] = [0, 0];
  try {
    for await (const { id } of requestsOf(input)) {
      total += 1;
      const found = await index.resultOf(id);
      if (found === null) continue;
      if (found.end === "answered") answered += 1;
      await file.line(found.bytes);
    }
  } finally {
    await file.close();
  }
  if (to.kind === "file") await place(from, to.path, force);
  else await pour(from, to);
  const [failed, without] = [file.lines - answered, total - file.lines];
  const none = without === 0 ? "" : `, ${count(without)} without any result`;
  tell(`merged: ${plural(total, "request")}: ${count(answered)} answered, ${count(failed)} failed${none}`);
  if (to.path !== "-") tell(`wrote ${to.path}`);
  return exit.good;
}

/** The requests of an input file. @throws CannotRun for a line that is none */
async function* requestsOf(input: string): AsyncGenerator<{ id: string; bytes: Uint8Array }> {
  for await (const { bytes, number } of linesOf((await openInput(input)).chunks)) {
    if (isBlank(bytes)) continue;
    const id = objectIn(bytes)?.custom_id;
    if (typeof id !== "string") {
      throw new CannotRun(`${input}:${number} is no request; edgebatch validate says what is wrong with it`);
    }
    yield { id, bytes };
  }
}

/** A file that is written line by line. */
class Output {
  lines = 0;
  readonly #file: Awaited<ReturnType<typeof open>>;
  #group: Uint8Array[] = [];
  #bytes = 0;

  private constructor(file: Awaited<ReturnType<typeof open>>) {
    this.#file = file;
  }

  static async open(path: string): Promise<Output> {
    return new Output(await open(path, "w"));
  }

  async line(bytes: Uint8Array): Promise<void> {
    // Of its own: the reader's buffer is used again.
    this.#group.push(Buffer.concat([bytes, Buffer.from("\n")]));
    this.lines += 1;
    this.#bytes += bytes.length + 1;
    if (this.#bytes >= groupBytes) await this.#flush();
  }

  async close(): Promise<void> {
    try {
      await this.#flush();
    } finally {
      await this.#file.close();
    }
  }

  async #flush(): Promise<void> {
    await this.#file.writeFile(Buffer.concat(this.#group));
    [this.#group, this.#bytes] = [[], 0];
  }
}
