/** Options as the core reads them: its defaults apply to whatever is left out. */
import { core, isApiErrorFields } from "./core.ts";
import { apiError, InvalidRequestError } from "./errors.ts";
import type { Dialect, Limits } from "./types.ts";

/** What may be set of validation. */
export interface ValidationOptions {
  /** Whose error texts: this project's own, or OpenAI's. Default `reference`. */
  dialect?: Dialect;
  limits?: Limits;
  /** Whether all lines of a file must name the same model, as OpenAI demands. Default false. */
  singleModel?: boolean;
}

/** A plain object without undefined values, or undefined when nothing is set. */
export type CoreSettings = Record<string, unknown> | undefined;

/** The names of all members of a type: one that is missing or too much does not compile. */
export type NamesOf<T> = { [Name in keyof Required<T>]: true };

/** Names of {@link ValidationOptions}. */
export const validationOptions: NamesOf<ValidationOptions> = {
  dialect: true,
  limits: true,
  singleModel: true,
};

const limitNames: NamesOf<Limits> = {
  maxRequests: true,
  maxFileBytes: true,
  maxLineBytes: true,
  maxErrors: true,
};

/**
 * Refuses what is no object, and options that nobody knows, `limits` included: what is misspelt would be without effect.
 * @throws InvalidRequestError that names the option, and the one that may have been meant.
 */
export function checkNames(options: unknown, known: object, what: string): void {
  if (!isObject(options)) {
    throw new InvalidRequestError(`${what} needs an object of options.`, { code: "invalid_options" });
  }
  const refuse = (name: string, names: object, path: string) => {
    const near = nearest(name, Object.keys(names));
    const hint = near === undefined ? "" : ` Did you mean '${path}${near}'?`;
    const fields = { param: path + name, code: "unknown_option" };
    throw new InvalidRequestError(`${what} has no option '${path}${name}'.${hint}`, fields);
  };
  for (const name of Object.keys(options)) if (!Object.hasOwn(known, name)) refuse(name, known, "");
  const { limits } = options as { limits?: unknown };
  // Limits that are anything but an object are for the core to refuse.
  if (!isObject(limits)) return;
  for (const name of Object.keys(limits))
    if (!Object.hasOwn(limitNames, name)) refuse(name, limitNames, "limits.");
}

/** Has the core look at settings. @throws InvalidRequestError */
export function checkSettings(settings: CoreSettings): void {
  const { checkSettings } = core();
  try {
    checkSettings(settings);
  } catch (thrown) {
    throw isApiErrorFields(thrown) ? apiError(thrown) : thrown;
  }
}

/** Drops what is undefined, here and in `limits`, so that the core's defaults apply. */
export function coreSettings(options: object): CoreSettings {
  const settings = withoutUndefined(options);
  return Object.keys(settings).length === 0 ? undefined : settings;
}

function withoutUndefined(options: object): Record<string, unknown> {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      name === "limits" && isObject(value) ? withoutUndefined(value) : value,
    ]),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The known name that is a few letters away from the one given, or that it is a part of. */
function nearest(name: string, known: string[]): string | undefined {
  const wanted = name.toLowerCase();
  const distances = known.map((candidate) => {
    const has = candidate.toLowerCase();
    const isPart = wanted.length > 3 && (has.includes(wanted) || wanted.includes(has));
    return { candidate, distance: isPart ? 1 : distance(wanted, has) };
  });
  const [best] = distances.sort((a, b) => a.distance - b.distance);
  // What is further away was hardly meant.
  return best !== undefined && best.distance <= Math.max(2, name.length / 3) ? best.candidate : undefined;
}

/** Levenshtein's distance: letters to put in, take out or change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const change = (row[j] as number) + (letter === b[j] ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
