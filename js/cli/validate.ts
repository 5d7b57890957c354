/** `edgebatch validate`. */

import type { ReportError } from "../core/reports.ts";
import type { Dialect } from "../core/types.ts";
import { Validator } from "../entry/node.ts";
import { emptyFile } from "./empty-file.ts";
import { refuseOthers } from "./file-kind.ts";
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

/** What a check found. A file without a request has one error, which is none of the core's. */
export interface Checked {
  name: string;
  endpoint: string;
  requests: number;
  errors: ReportError[];
  errorCount: number;
}

/** Reads a file through and finds its errors. `onChunk` sees all of it. @throws CannotRun */
export async function check(
  path: string,
  options: Omit<ValidateOptions, "json">,
  onChunk: (chunk: Uint8Array) => void = () => {},
): Promise<Checked> {
  const input = await openInput(path);
  const { endpoint: firstEndpoint, chunks, head } = await endpointOf(input.chunks, options.maxLineBytes);
  const endpoint = options.endpoint ?? firstEndpoint;
  try {
    refuseOthers(input.name, head);
  } catch (error) {
    // Lets go of the file: it has been read from.
    for await (const _ of chunks) break;
    throw error;
  }
  const { dialect, singleModel, maxRequests, maxFileBytes, maxLineBytes, maxErrors } = options;
  const validator = new Validator({
    ...{ endpoint, dialect, singleModel },
    limits: { maxRequests, maxFileBytes, maxLineBytes, maxErrors },
  });
  const progress = new Progress(modeFor({ lines: false }));
  try {
    for await (const chunk of chunks) {
      onChunk(chunk);
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
  const { errors, errorCount, requestCount: requests } = validator.finish();
  const empty = requests === 0 && errorCount === 0;
  const found = empty ? { errors: [emptyFile], errorCount: 1 } : { errors, errorCount };
  return { name: input.name, endpoint, requests, ...found };
}

async function validateOne(path: string, { json, ...options }: ValidateOptions): Promise<number> {
  const checked = await check(path, options);
  const { name, errors, errorCount, requests: requestCount } = checked;
  if (json) {
    await print(`${JSON.stringify({ file: name, errors, errorCount, requestCount })}\n`);
  } else {
    await printErrors(name, errors);
    say(summary(checked));
  }
  return errorCount === 0 ? exit.good : exit.bad;
}

/** One line about a check. */
export function summary({ name, endpoint, requests, errorCount, errors }: Checked): string {
  const what = `${name}: ${plural(requests, "request")} for ${endpoint}`;
  if (errorCount === 0) return `${what}, no errors`;
  const hidden = errorCount - errors.length;
  const kept =
    hidden === 0
      ? ""
      : ` (the first ${count(errors.length)} shown, ${count(hidden)} hidden: see --max-errors)`;
  return `${what}, ${plural(errorCount, "error")}${kept}`;
}
