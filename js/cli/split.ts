/** `edgebatch split`. */

import type { FilePart } from "../core/convert.ts";
import { Split } from "../entry/files.ts";
import { refuseOthers } from "./file-kind.ts";
import { endpointOf, openInput } from "./input.ts";
import { Draft, stemOf } from "./new-file.ts";
import { inTheWay } from "./place.ts";
import { targetAt } from "./target.ts";
import { bytes, CannotRun, exit, plural, print, say } from "./terminal.ts";

/** Options as the command line gives them. */
export interface SplitOptions {
  requests?: number;
  bytes?: number;
  force?: boolean;
  json?: boolean;
}

/** Parts beyond these would be a mistake, and so many files open a folder slowly. */
const mostParts = 9_999;

/** Writes the parts of a file beside it. Gives the exit status. */
export async function split(path: string, options: SplitOptions): Promise<number> {
  if (path === "-") throw new CannotRun("standard input has no name by which its parts could be called");
  const stem = stemOf(path);
  const drafts: { path: string; draft: Draft }[] = [];
  const splitter = new Split({ requests: options.requests, bytes: options.bytes });
  const begin = async () => {
    if (drafts.length === mostParts) {
      throw new CannotRun(`${path} would have more than ${mostParts} parts: choose larger ones`);
    }
    // Only the last one is written to.
    await drafts.at(-1)?.draft.end();
    const target = await targetAt(partName(stem, drafts.length + 1));
    if (target.exists && !options.force) throw inTheWay(target.path);
    drafts.push({ path: target.path, draft: await Draft.open(target) });
  };
  try {
    for await (const { begins, bytes } of piecesOf(path, splitter)) {
      if (begins) await begin();
      await drafts.at(-1)?.draft.write(bytes);
    }
    const parts = splitter.parts();
    if (parts.length <= 1) {
      await report(path, [], options, parts);
      return exit.good;
    }
    for (const { draft } of drafts) await draft.place(options.force ?? false);
    const made = parts.map((part, i) => ({ file: drafts[i]?.path ?? "", ...part }));
    await report(path, made, options, parts);
    const next = await targetAt(partName(stem, parts.length + 1));
    if (next.exists) say(`edgebatch: ${next.path} is there too, and none of these parts`);
    return exit.good;
  } finally {
    for (const { draft } of drafts) await draft.close();
  }
}

/** The bytes of a file, cut where a part begins. @throws CannotRun for what has no lines of requests */
async function* piecesOf(path: string, splitter: Split) {
  const input = await openInput(path);
  const { chunks, head } = await endpointOf(input.chunks);
  try {
    refuseOthers(input.name, head);
    for await (const chunk of chunks) yield* splitter.push(chunk);
  } finally {
    await chunks.return(undefined);
  }
  yield* splitter.finish();
}

/** Sorted by name, the parts are in order, up to 999 of them. */
const partName = (stem: string, number: number) => `${stem}.${String(number).padStart(3, "0")}.jsonl`;

async function report(
  name: string,
  parts: (FilePart & { file: string })[],
  { json }: SplitOptions,
  [whole = { requests: 0, bytes: 0 }]: FilePart[],
): Promise<void> {
  if (json) {
    await print(`${JSON.stringify({ file: name, parts })}\n`);
    return;
  }
  const sizes = (part: FilePart) => `${plural(part.requests, "request")}, ${bytes(part.bytes)}`;
  for (const part of parts) say(`wrote ${part.file}: ${sizes(part)}`);
  if (parts.length === 0) say(`${name}: ${sizes(whole)}: within the limits, nothing to split`);
}
