/** `edgebatch fix`. */

import { cureNames } from "../core/cures.ts";
import type { Cure, Cured } from "../core/repair.ts";
import { Repair } from "../entry/files.ts";
import { refuseOthers } from "./file-kind.ts";
import { endpointOf, openInput } from "./input.ts";
import { checkedAs, Draft, madeOf, newFileAt } from "./new-file.ts";
import type { Target } from "./target.ts";
import { exit, oneLine, plural, print, printErrors, say } from "./terminal.ts";
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
  const target = options.dryRun ? null : await newFileAt(path, ".fixed.jsonl", options);
  const draft = target && (await Draft.open(target));
  try {
    const { checked, cures } = await mended(path, options, target, draft);
    const writes = cures.length > 0 || options.out !== undefined;
    if (writes) await draft?.place(options.force ?? false);
    await report(checked, cures, writes ? (target?.path ?? null) : null, options);
    return checked.errorCount === 0 ? exit.good : exit.bad;
  } finally {
    await draft?.close();
  }
}

/** Mends a file into another and checks that one, in one pass. */
async function mended(
  path: string,
  { only, maxLineBytes, endpoint }: FixOptions,
  target: Target | null,
  draft: Draft | null,
): Promise<{ checked: Checked; cures: Cured[] }> {
  const repair = new Repair({ endpoint, only, maxLineBytes });
  const input = await openInput(path);
  const found = await endpointOf(madeOf(input, "mending", repair), maxLineBytes);
  try {
    refuseOthers(input.name, found.head);
  } catch (error) {
    for await (const _ of found.chunks) break;
    throw error;
  }
  const name = target?.path === "-" || target === null ? input.name : target.path;
  const of = { name, endpoint: endpoint ?? found.endpoint, maxLineBytes };
  return { checked: await checkedAs(found.chunks, draft, of), cures: repair.report().cures };
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
