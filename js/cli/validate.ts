/** `edgebatch validate`. */

import type { Dialect } from "../core/types.ts";
import { Validator } from "../entry/node.ts";
import { emptyFile } from "./empty-file.ts";
import { otherKind } from "./file-kind.ts";
import { endpointOf, openInput } from "./input.ts";
import { left, modeFor, Progress } from "./progress.ts";
import { bytes, CannotRun, count, exit, plural, print, printErrors, say } from "./terminal.ts";

/** Options as the command line gives them. */
export interface ValidateOptions {
  endpoint?: string;
  dialect?: Dialect;
  singleModel?: boolean;
  maxRequests?: number;
  maxFileBytes?: number;
  maxLineBytes?: number;
  maxErrors?: number;
  json?: boolean;
}

/** Checks files and says what is wrong with them. Gives the exit status: that of the worst. */
export async function validate(paths: string[], options: ValidateOptions): Promise<number> {
  let worst: number = exit.good;
  for (const path of paths) {
    try {
      worst = Math.max(worst, await validateOne(path, options));
    } catch (error) {
      if (paths.length === 1 || !(error instanceof CannotRun)) throw error;
      say(`edgebatch: ${error.message}`);
      worst = exit.cannotRun;
    }
  }
  return worst;
}

async function validateOne(path: string, options: ValidateOptions): Promise<number> {
  const input = await openInput(path);
  const { endpoint: firstEndpoint, chunks, head } = await endpointOf(input.chunks, options.maxLineBytes);
  const endpoint = options.endpoint ?? firstEndpoint;
  const kind = otherKind(head);
  if (kind !== null) throw new CannotRun(`${input.name} is ${kind}`);
  const { dialect, singleModel, maxRequests, maxFileBytes, maxLineBytes, maxErrors } = options;
  const validator = new Validator({
    ...{ endpoint, dialect, singleModel },
    limits: { maxRequests, maxFileBytes, maxLineBytes, maxErrors },
  });
  const progress = new Progress(modeFor({ lines: false }));
  try {
    for await (const chunk of chunks) {
      validator.push(chunk);
      const done = input.position();
      progress.update({
        phase: "validating",
        done,
        total: input.size,
        text: (rate) => {
          if (input.size === null) return [bytes(done), `${bytes(rate)}/s`];
          const rest = left(input.size - done, rate);
          return [`${bytes(done)} of ${bytes(input.size)}`, ...rest, `${bytes(rate)}/s`];
        },
      });
    }
  } finally {
    progress.stop();
  }
  const found = validator.finish();
  const { requestCount } = found;
  const empty = requestCount === 0 && found.errorCount === 0;
  const errors = empty ? [emptyFile] : found.errors;
  const errorCount = empty ? 1 : found.errorCount;
  if (options.json) {
    await print(`${JSON.stringify({ file: input.name, errors, errorCount, requestCount })}\n`);
  } else {
    await printErrors(input.name, errors);
    say(summary(input.name, endpoint, requestCount, errorCount, errors.length));
  }
  return errorCount === 0 ? exit.good : exit.bad;
}

function summary(name: string, endpoint: string, requests: number, errors: number, shown: number): string {
  const what = `${name}: ${plural(requests, "request")} for ${endpoint}`;
  if (errors === 0) return `${what}, no errors`;
  const hidden = errors - shown;
  const kept =
    hidden === 0 ? "" : ` (the first ${count(shown)} shown, ${count(hidden)} hidden: see --max-errors)`;
  return `${what}, ${plural(errors, "error")}${kept}`;
}
