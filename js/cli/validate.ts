/** `edgebatch validate`. */

import { Validator } from "../entry/node.ts";
import type { Dialect, Limits } from "../types.ts";
import { endpointOf, openInput } from "./input.ts";
import { left, modeFor, Progress } from "./progress.ts";
import { bytes, count, exit, plural, print, printErrors, say } from "./terminal.ts";

/** Options as the command line gives them. */
export interface ValidateOptions {
  endpoint?: string;
  dialect?: Dialect;
  singleModel?: boolean;
  maxRequests?: number;
  maxFileBytes?: number;
  maxErrors?: number;
  json?: boolean;
}

/** Checks a file and says what is wrong with it. Gives the exit status. */
export async function validate(path: string, options: ValidateOptions): Promise<number> {
  const input = await openInput(path);
  const { endpoint, chunks } =
    options.endpoint === undefined
      ? await endpointOf(input.chunks)
      : { endpoint: options.endpoint, chunks: input.chunks };
  const { dialect, singleModel, maxRequests, maxFileBytes, maxErrors } = options;
  const limits = Object.entries({ maxRequests, maxFileBytes, maxErrors }).filter(
    ([, value]) => value !== undefined,
  );
  const validator = new Validator({
    endpoint,
    limits: Object.fromEntries(limits) as Limits,
    ...(dialect !== undefined && { dialect }),
    ...(singleModel !== undefined && { singleModel }),
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
          const of = input.size === null ? "" : ` of ${bytes(input.size)}`;
          const rest = input.size === null ? "" : left(input.size - done, rate);
          return `${bytes(done)}${of}, ${bytes(rate)}/s${rest}`;
        },
      });
    }
  } finally {
    progress.stop();
  }
  const { errors, errorCount, requestCount } = validator.finish();
  if (options.json) {
    await print(`${JSON.stringify({ errors, errorCount, requestCount })}\n`);
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
