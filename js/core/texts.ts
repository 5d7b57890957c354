/** Errors about parameters, in OpenAI's words. Those of the core read alike: `tests/js/wire.test.ts` compares them. */
import type { ApiErrorFields } from "./errors.ts";

/** What is wrong with a parameter. */
export type ParameterError = Pick<ApiErrorFields, "message"> & { param: string; code: string };

/** A parameter that is not there. */
export function missing(param: string): ParameterError {
  return { message: `Missing required parameter: '${param}'.`, param, code: "missing_required_parameter" };
}

/** A parameter of another type than it must have; `expected` has its article. */
export function wrongType(param: string, expected: string, got: unknown): ParameterError {
  const message = `Invalid type for '${param}': expected ${expected}, but got ${kindOf(got)} instead.`;
  return { message, param, code: "invalid_type" };
}

/** A whole number that is not from `least` to `most`. */
export function outOfRange(param: string, got: number, least: number, most: number): ParameterError {
  const isBelow = got < least;
  const [what, bound] = isBelow ? ["below minimum", `>= ${least}`] : ["above maximum", `<= ${most}`];
  return {
    message: `Invalid '${param}': integer ${what} value. Expected a value ${bound}, but got ${got} instead.`,
    param,
    code: isBelow ? "integer_below_min_value" : "integer_above_max_value",
  };
}

/** The type of a value, with its article. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number") return Number.isInteger(value) ? "an integer" : "a decimal number";
  if (value === undefined) return "nothing";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
