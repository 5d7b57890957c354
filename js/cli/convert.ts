/** `edgebatch convert`. */

import { readFile } from "node:fs/promises";
import type { Converted, ConvertOptions as CoreOptions } from "../core/convert.ts";
import { ApiError } from "../core/errors.ts";
import { defaults } from "../core/rules.ts";
import { Convert } from "../entry/files.ts";
import { cannotOpen, openInput } from "./input.ts";
import { checkedAs, Draft, madeOf, type NewFileOptions, newFileAt } from "./new-file.ts";
import { CannotRun, count, exit, plural, print, printErrors, say } from "./terminal.ts";
import { type Checked, summary } from "./validate.ts";

/** Options as the command line gives them. */
export interface ConvertOptions extends NewFileOptions {
  from?: "csv" | "tsv" | "json" | "text";
  separator?: string;
  endpoint?: string;
  model?: string;
  prompt?: string;
  system?: string;
  id?: string;
  template?: string;
  extra?: string;
  maxLineBytes?: number;
}

/** The core's names of options, as the command line has them. */
const optionNames: Record<string, string> = { custom_id: "--id" };

/** Writes a batch file and says what it was made of. Gives the exit status. */
export async function convert(path: string, options: ConvertOptions): Promise<number> {
  const target = await newFileAt(path, ".batch.jsonl", options);
  const endpoint = options.endpoint ?? (defaults.endpoints[0] as string);
  const maker = await makerFor(path, { ...options, endpoint });
  const input = await openInput(path);
  const draft = await Draft.open(target);
  try {
    const name = target.path === "-" ? input.name : target.path;
    const checked = await checkedAs(madeOf(input, "converting", maker), draft, {
      ...{ name, endpoint, maxLineBytes: options.maxLineBytes },
    }).catch((error) => refuse(path, error));
    const made = maker.report();
    if (made.written > 0) await draft.place(options.force ?? false);
    await report(input.name, made, checked, made.written > 0 ? target.path : null, options);
    return made.errorCount + checked.errorCount === 0 ? exit.good : exit.bad;
  } finally {
    await draft.close();
  }
}

/** What converts as is asked for. @throws CannotRun */
async function makerFor(path: string, options: ConvertOptions & { endpoint: string }): Promise<Convert> {
  const { from, separator, endpoint, model, prompt, id: customId, maxLineBytes } = options;
  const core: CoreOptions = {
    ...{ endpoint, model, prompt, customId, maxLineBytes },
    from: from === "csv" || from === "tsv" ? "table" : from,
    separator: separator === "tab" || (separator === undefined && from === "tsv") ? "\t" : separator,
    system: await textOf(options.system),
    template: await textOf(options.template),
    extra: await textOf(options.extra),
  };
  try {
    return new Convert(core);
  } catch (error) {
    return refuse(path, error);
  }
}

/** A text, or what is in the file that `@name` names. @throws CannotRun */
async function textOf(given: string | undefined): Promise<string | undefined> {
  if (!given?.startsWith("@")) return given;
  const path = given.slice(1);
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

/** Says what the core refuses in words of the command line. */
function refuse(path: string, error: unknown): never {
  if (!(error instanceof ApiError) || error.param === null) throw error;
  const { param, code, message } = error;
  if (code === "missing_required_parameter")
    throw new CannotRun(`--${param} is wanted: it is in every request`);
  const option = param === "file" ? path : (optionNames[param] ?? `--${param}`);
  throw new CannotRun(message.replace(/^Invalid '\w+': /, `${option}: `));
}

async function report(
  name: string,
  { from, columns, rows, written, errors, errorCount }: Converted,
  checked: Checked,
  output: string | null,
  { json }: ConvertOptions,
): Promise<void> {
  if (json) {
    const { errors: left, errorCount: leftCount } = checked;
    const made = {
      file: name,
      output,
      from,
      columns,
      rows,
      written,
      rowErrors: errors,
      rowErrorCount: errorCount,
    };
    await print(`${JSON.stringify({ ...made, errors: left, errorCount: leftCount })}\n`);
    return;
  }
  const elsewhere = output === "-" ? say : undefined;
  await printErrors(name, errors, elsewhere);
  const without = errorCount === 0 ? "" : `, ${count(errorCount)} of them not converted`;
  say(`${name}: ${plural(rows, "row")}${without}`);
  if (written === 0) return;
  await printErrors(checked.name, checked.errors, elsewhere);
  say(summary(checked));
  if (output !== null && output !== "-") say(`wrote ${output}`);
}
