/** `edgebatch fix`. */

import { type FileHandle, open, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { release } from "../core/bytes.ts";
import { cureNames } from "../core/cures.ts";
import type { Cure, Cured } from "../core/repair.ts";
import { Repair } from "../entry/files.ts";
import { Validator } from "../entry/node.ts";
import { emptyFile } from "./empty-file.ts";
import { otherKind } from "./file-kind.ts";
import { endpointOf, type Input, openInput } from "./input.ts";
import { discard, inTheWay, place } from "./place.ts";
import { left, modeFor, Progress } from "./progress.ts";
import { type Target, targetAt } from "./target.ts";
import { bytes, CannotRun, exit, oneLine, plural, print, printErrors, say } from "./terminal.ts";
import { type Checked, summary } from "./validate.ts";

/** Options as the command line gives them. */
export interface FixOptions {
  out?: string;
  only?: Cure[];
  endpoint?: string;
  maxLineBytes?: number;
  dryRun?: boolean;
  force?: boolean;
  json?: boolean;
}

/** Writes a mended file and says what was mended. Gives the exit status, by what is left. */
export async function fix(path: string, options: FixOptions): Promise<number> {
  const target = options.dryRun ? null : await targetFor(path, options);
  const draft = target?.kind === "file" ? draftOf(target) : null;
  try {
    const { checked, cures } = await mended(path, options, target, draft);
    const writes = cures.length > 0 || options.out !== undefined;
    if (target && draft !== null && writes) await place(draft, target.path, options.force ?? false);
    await report(checked, cures, writes ? (target?.path ?? null) : null, options);
    return checked.errorCount === 0 ? exit.good : exit.bad;
  } finally {
    if (draft !== null) await discard(draft);
  }
}

/** Where the new file goes. @throws CannotRun when it would be the old one */
async function targetFor(path: string, options: FixOptions): Promise<Target> {
  if (path === "-" && options.out === undefined) {
    throw new CannotRun("standard input has no name: --out names the new file, or - for standard output");
  }
  const stem = path.replace(/\.(gz|zst)$/i, "").replace(/\.(jsonl|ndjson|json|txt)$/i, "");
  const target = await targetAt(options.out ?? `${stem}.fixed.jsonl`);
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

/** Where a file is written until it is whole. */
const draftOf = ({ path }: Target) => join(dirname(path), `.${basename(path)}.fixing`);

/** Mends a file into another and checks that one, in one pass. */
async function mended(
  path: string,
  { only, maxLineBytes, endpoint }: FixOptions,
  target: Target | null,
  draft: string | null,
): Promise<{ checked: Checked; cures: Cured[] }> {
  const repair = new Repair({ endpoint, only, maxLineBytes });
  const input = await openInput(path);
  const found = await endpointOf(mendedChunks(input, repair), maxLineBytes);
  const kind = otherKind(found.head);
  if (kind !== null) {
    for await (const _ of found.chunks) break;
    throw new CannotRun(`${input.name} is ${kind}`);
  }
  const limits = { maxLineBytes };
  const validator = new Validator({ endpoint: endpoint ?? found.endpoint, limits });
  const into = target && (await writer(target, draft));
  try {
    for await (const chunk of found.chunks) {
      validator.push(chunk);
      await into?.write(chunk);
      release(chunk);
    }
    await into?.end();
  } finally {
    await into?.close();
  }
  const { errors, errorCount, requestCount: requests } = validator.finish();
  const empty = requests === 0 && errorCount === 0;
  const result = empty ? { errors: [emptyFile], errorCount: 1 } : { errors, errorCount };
  const name = target?.path === "-" || target === null ? input.name : target.path;
  const { cures } = repair.report();
  return { checked: { name, endpoint: endpoint ?? found.endpoint, requests, ...result }, cures };
}

async function* mendedChunks(input: Input, repair: Repair): AsyncGenerator<Uint8Array> {
  const progress = new Progress(modeFor({ lines: false }));
  try {
    for await (const chunk of input.chunks) {
      yield repair.push(chunk);
      const done = input.position();
      progress.update({
        phase: "mending",
        done,
        total: input.size,
        text: (rate) => {
          if (input.size === null) return [bytes(done), `${bytes(rate)}/s`];
          return [`${bytes(done)} of ${bytes(input.size)}`, ...left(input.size - done, rate)];
        },
      });
    }
    yield repair.finish();
  } finally {
    progress.stop();
  }
}

interface Writer {
  write(chunk: Uint8Array): Promise<void>;
  /** All is written. */
  end(): Promise<void>;
  close(): Promise<void>;
}

async function writer({ path }: Target, draft: string | null): Promise<Writer> {
  if (path === "-") return { write: print, end: async () => {}, close: async () => {} };
  const handle: FileHandle = await open(draft ?? path, "w");
  return {
    write: (chunk) => handle.writeFile(chunk),
    end: async () => {
      if (draft !== null) await handle.sync();
    },
    close: () => handle.close(),
  };
}

async function report(
  checked: Checked,
  cures: Cured[],
  output: string | null,
  { dryRun, json }: FixOptions,
): Promise<void> {
  const { name, errors, errorCount, requests: requestCount } = checked;
  if (json) {
    await print(`${JSON.stringify({ file: name, output, cures, errors, errorCount, requestCount })}\n`);
    return;
  }
  for (const { cure, count, examples } of cures) {
    const line = `${cureNames[cure]}: ${cure === "encoding" ? plural(count, "place") : plural(count, "line")}`;
    if (!dryRun) {
      say(line);
      continue;
    }
    const shown = examples.map(
      (at) => `  ${at.line} - ${oneLine(at.before)}\n  ${at.line} + ${oneLine(at.after)}\n`,
    );
    await print(`${line}\n${shown.join("")}`);
  }
  if (cures.length === 0) say("nothing to mend");
  await printErrors(name, errors, output === "-" ? say : undefined);
  say(summary(checked));
  if (output !== null && output !== "-") say(`wrote ${output}`);
}
