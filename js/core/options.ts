/** Options as a caller gave them: what is misspelt would be without effect, so it is refused by name. */
import { InvalidRequestError } from "./errors.ts";
import { missing, wrongType } from "./texts.ts";

/** The names of all options of a type, those of options within options too: one that is missing, or too much, does not compile. */
export type NamesOf<T> = { [Name in keyof Required<T>]: true | Names };

/** Names, and for options that hold others the names of those. */
interface Names {
  [name: string]: true | Names;
}

/** The names of options that all have a default. */
export function namesFrom<T extends object>(defaults: T): NamesOf<T>;
export function namesFrom(defaults: object): Names {
  const names = Object.entries(defaults).map(([name, value]) => [
    name,
    isObject(value) ? namesFrom(value) : true,
  ]);
  return Object.fromEntries(names);
}

/**
 * Refuses what is not an object, and unknown options.
 * @throws InvalidRequestError that names the option, and the one that may have been meant.
 */
export function checkNames(options: unknown, known: Names, what: string): void {
  if (!isObject(options)) {
    throw new InvalidRequestError(`${what} needs an object of options.`, { code: "invalid_options" });
  }
  checkWithin(options, known, what, "");
}

function checkWithin(options: object, known: Names, what: string, path: string): void {
  for (const [name, value] of Object.entries(options)) {
    const names = Object.hasOwn(known, name) ? known[name] : undefined;
    if (names === undefined) throw unknownOption(name, Object.keys(known), what, path);
    // Anything but an object is refused where it is read.
    if (names !== true && isObject(value)) checkWithin(value, names, what, `${path}${name}.`);
  }
}

function unknownOption(name: string, known: string[], what: string, path: string): InvalidRequestError {
  const near = nearest(name, known);
  const hint = near === undefined ? "" : ` Did you mean '${path}${near}'?`;
  const fields = { param: path + name, code: "unknown_option" };
  return new InvalidRequestError(`${what} has no option '${path}${name}'.${hint}`, fields);
}

/** @throws InvalidRequestError that names what is missing or of another type. */
export function checkType(
  name: string,
  value: unknown,
  type: "boolean" | "function" | "number" | "object" | "string",
): void {
  if (typeof value === type && value !== null) return;
  const expected = type === "object" ? "an object" : `a ${type}`;
  const { message, ...fields } = value === undefined ? missing(name) : wrongType(name, expected, value);
  throw new InvalidRequestError(message, fields);
}

/** Whether a value is an object with members of its own. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The known name that is a few letters away from the one given, or that it is a part of. */
export function nearest(name: string, known: string[]): string | undefined {
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
