/** Checks of parameters, in OpenAI's words. */

import { InvalidRequestError } from "../core/errors.ts";
import { fixedLimits } from "../core/rules.ts";
import { missing, outOfRange, type ParameterError, wrongType as typeError } from "../core/texts.ts";

/** Longest name of a file, id or key. Pages of objects that hold them stay small. */
const MAX_NAME_CHARS = 1024;

/** A name, id or key that is to be kept. @throws InvalidRequestError when it is too long; other types are for others. */
export function checkLength(param: string, value: unknown, most = MAX_NAME_CHARS): void {
  if (typeof value !== "string" || value.length <= most) return;
  throw new InvalidRequestError(
    `Invalid '${param}': string too long. Expected a string with maximum length ${most}, but got a string ` +
      `with length ${value.length} instead.`,
    { param, code: "string_above_max_length" },
  );
}

/** What OpenAI says of a field of a form that it does not know. */
export function unknownField(name: string): InvalidRequestError {
  return new InvalidRequestError(
    `Additional properties are not allowed ('${shortened(name)}' was unexpected)`,
  );
}

/** Refuses names in a body, or in an object of it, that no parameter has. @throws InvalidRequestError */
export function checkNames(object: Record<string, unknown>, known: string[], within = ""): void {
  const unknown = Object.keys(object).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const param = within + shortened(unknown);
  throw new InvalidRequestError(`Unknown parameter: '${param}'.`, { param, code: "unknown_parameter" });
}

function shortened(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100).toWellFormed()}…` : name;
}

/** A string of a body. @throws InvalidRequestError */
export function requiredString(body: Record<string, unknown>, param: string): string {
  const value = body[param];
  if (value === undefined || value === null) throw missingParameter(param);
  if (typeof value !== "string") throw wrongType(param, "a string", value);
  return value;
}

export function missingParameter(param: string): InvalidRequestError {
  return refusal(missing(param));
}

export function wrongType(param: string, expected: string, got: unknown): InvalidRequestError {
  return refusal(typeError(param, expected, got));
}

function refusal({ message, ...fields }: ParameterError): InvalidRequestError {
  return new InvalidRequestError(message, fields);
}

/** A whole number within bounds. @throws InvalidRequestError */
export function wholeNumber(param: string, value: unknown, least: number, most: number): number {
  if (typeof value !== "number" || !Number.isInteger(value)) throw wrongType(param, "an integer", value);
  if (value >= least && value <= most) return value;
  throw refusal(outOfRange(param, value, least, most));
}

/** `limit` of a query, as a number; what is no number is refused. */
export function limitOf(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  // Numbers that are far beyond any limit are as wrong as the largest.
  const value = Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(text)));
  if (/^-?\d+$/.test(text)) return value;
  throw wrongType("limit", "an integer", text);
}

/** `output_expires_after` or `expires_after`: seconds from creation. @throws InvalidRequestError */
export function expirySeconds(param: string, value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== "object" || Array.isArray(value)) throw wrongType(param, "an object", value);
  checkNames(value as Record<string, unknown>, ["anchor", "seconds"], `${param}.`);
  const { anchor, seconds } = value as { anchor?: unknown; seconds?: unknown };
  if (anchor === undefined) throw missingParameter(`${param}.anchor`);
  if (typeof anchor !== "string") throw wrongType(`${param}.anchor`, "a string", anchor);
  if (anchor !== "created_at") {
    throw new InvalidRequestError(`Invalid value: '${anchor}'. Value must be 'created_at'.`, {
      param: `${param}.anchor`,
      code: "invalid_value",
    });
  }
  if (seconds === undefined) throw missingParameter(`${param}.seconds`);
  const { minFileLifetimeSeconds: least, maxFileLifetimeSeconds: most } = fixedLimits;
  return wholeNumber(`${param}.seconds`, seconds, least, most);
}
