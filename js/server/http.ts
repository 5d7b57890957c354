/** What all routes share: OpenAI's error envelope, JSON bodies, checks of parameters. */

import type { Context } from "hono";
import { ApiError, InvalidRequestError } from "../core/errors.ts";
import type { Env, Stub } from "../worker/env.ts";
import type { Tenant } from "./tenant/service.ts";

/** What the middleware leaves for a route. */
export interface HonoEnv {
  Bindings: Env;
  Variables: { requestId: string; tenantName: string; tenant: Stub<Tenant> };
}

export type Call = Context<HonoEnv>;

/** Most of a JSON body: 16 pairs of metadata, or the ids of 10,000 parts, are far below. */
const MAX_JSON_BYTES = 2 * 1024 * 1024;
/** How deep a JSON body may be: no parameter has more than two levels. */
const MAX_JSON_DEPTH = 100;
/** Longest name of a file, id or key. Pages of objects that hold them stay small. */
const MAX_NAME_CHARS = 1024;

/** The answer to a call that was refused or failed. */
export function errorResponse(error: ApiError, headers: Record<string, string> = {}): Response {
  const { status, message, type, param, code } = error;
  return Response.json({ error: { message, type, param, code } }, { status, headers });
}

/** Whatever is no fault of the caller's: said without details, which are in the log under the request's id. */
export function internalError(requestId: string): ApiError {
  return new ApiError({
    status: 500,
    type: "server_error",
    message: `The server had an error while processing your request. Please tell its operator this request id: ${requestId}`,
    param: null,
    code: null,
  });
}

/** The JSON object of a body. @throws InvalidRequestError */
export async function jsonObject(c: Call): Promise<Record<string, unknown>> {
  const length = Number(c.req.header("content-length") ?? 0);
  const body = length > MAX_JSON_BYTES ? undefined : await boundedText(c.req.raw.body);
  if (body === undefined) {
    throw new ApiError({
      ...{ status: 413, type: "invalid_request_error", param: null, code: null },
      message: `The request body is larger than ${MAX_JSON_BYTES} bytes.`,
    });
  }
  const value = parsed(body);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidRequestError(
      `Invalid type for body: expected an object, but got ${kind(value)} instead.`,
      {
        code: "invalid_type",
      },
    );
  }
  return value as Record<string, unknown>;
}

/** What a JSON text says. @throws InvalidRequestError */
function parsed(text: string | null): unknown {
  try {
    const value: unknown = text === null ? undefined : JSON.parse(text);
    if (value !== undefined && isText(value)) return value;
  } catch (error) {
    if (error instanceof InvalidRequestError) throw error;
  }
  throw new InvalidRequestError(
    "Invalid body: failed to parse JSON value. Please check the value to ensure it is valid JSON. (Common errors " +
      "include trailing commas, missing closing brackets, missing quotation marks, etc.)",
  );
}

/** Whether all strings and names are Unicode: an escape can make half of a character, which nothing further takes. */
function isText(root: unknown): boolean {
  // Level by level, and no deeper than what can be copied to a Durable Object.
  let level: unknown[] = [root];
  for (let depth = 0; level.length > 0; depth++) {
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value !== "object" || value === null) continue;
      if (!Array.isArray(value) && !Object.keys(value).every((name) => name.isWellFormed())) return false;
      for (const within of Array.isArray(value) ? value : Object.values(value)) {
        if (typeof within === "string" && !within.isWellFormed()) return false;
        if (typeof within === "object" && within !== null) next.push(within);
      }
    }
    if (depth === MAX_JSON_DEPTH) {
      throw new InvalidRequestError(`Invalid body: it is more than ${MAX_JSON_DEPTH} levels deep.`);
    }
    level = next;
  }
  return true;
}

/** The body's text, null where it is no UTF-8, undefined when it is too long. */
async function boundedText(body: ReadableStream<Uint8Array> | null): Promise<string | null | undefined> {
  // A byte order mark stays, where JSON does not allow it; what is not UTF-8 is no JSON either.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  const decoded = (chunk?: Uint8Array) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      return null;
    }
  };
  let [found, size] = ["", 0];
  if (body) {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > MAX_JSON_BYTES) return undefined;
      const text = decoded(chunk);
      if (text === null) return null;
      found += text;
    }
  }
  const end = decoded();
  return end === null ? null : found + end;
}

/** A name, id or key that is to be kept. @throws InvalidRequestError when it is too long; other types are for others. */
export function checkLength(param: string, value: unknown): void {
  if (typeof value !== "string" || value.length <= MAX_NAME_CHARS) return;
  throw new InvalidRequestError(
    `Invalid '${param}': string too long. Expected a string with maximum length ${MAX_NAME_CHARS}, but got a string ` +
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
  return new InvalidRequestError(`Missing required parameter: '${param}'.`, {
    param,
    code: "missing_required_parameter",
  });
}

export function wrongType(param: string, expected: string, got: unknown): InvalidRequestError {
  return new InvalidRequestError(
    `Invalid type for '${param}': expected ${expected}, but got ${kind(got)} instead.`,
    {
      param,
      code: "invalid_type",
    },
  );
}

/** A whole number within bounds. @throws InvalidRequestError */
export function wholeNumber(param: string, value: unknown, least: number, most: number): number {
  if (typeof value !== "number" || !Number.isInteger(value)) throw wrongType(param, "an integer", value);
  if (value >= least && value <= most) return value;
  const [word, bound, code] =
    value < least
      ? ["below minimum", `>= ${least}`, "integer_below_min_value"]
      : ["above maximum", `<= ${most}`, "integer_above_max_value"];
  throw new InvalidRequestError(
    `Invalid '${param}': integer ${word} value. Expected a value ${bound}, but got ${value} instead.`,
    { param, code: code as string },
  );
}

/** `limit` of a query, as a number; what is no number is refused. */
export function limitOf(c: Call): number | undefined {
  const text = c.req.query("limit");
  if (text === undefined || text === "") return undefined;
  // Numbers that are far beyond any limit are as wrong as the largest.
  const value = Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(text)));
  if (/^-?\d+$/.test(text)) return value;
  throw new InvalidRequestError(`Invalid type for 'limit': expected an integer, but got a string instead.`, {
    param: "limit",
    code: "invalid_type",
  });
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
  return wholeNumber(`${param}.seconds`, seconds, 3600, 2_592_000);
}

function kind(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number") return Number.isInteger(value) ? "an integer" : "a decimal number";
  return (
    { string: "a string", boolean: "a boolean", object: "an object" }[typeof value as string] ?? "nothing"
  );
}
