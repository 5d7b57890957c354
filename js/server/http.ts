/** What all routes share: what they find in a call, OpenAI's error envelope, JSON bodies. */

import type { Context } from "hono";
import { ApiError, InvalidRequestError } from "../core/errors.ts";
import { kindOf } from "../core/texts.ts";
import { logError } from "./log.ts";
import { faultTexts, type StorageFault, storageFault } from "./observe/storage-fault.ts";
import { type Ports, SettingError } from "./ports.ts";
import type { Allowance } from "./rate.ts";
import type { TenantApi } from "./tenant/api.ts";
import { QUOTA_USED_UP } from "./tenant/quotas.ts";

/** What a route finds: the ports as `c.env`, and what the middleware leaves as `c.var`. */
export interface HonoEnv {
  Bindings: Ports;
  Variables: {
    requestId: string;
    tenantName: string;
    tenant: TenantApi;
    /** Models that the caller's key may name; undefined for any. */
    keyModels: readonly string[] | undefined;
    allowance?: Allowance;
  };
}

export type Call = Context<HonoEnv>;

/** Most of a JSON body: 16 pairs of metadata, or the ids of 10,000 parts, are far below. */
const MAX_JSON_BYTES = 2 * 1024 * 1024;
/** How deep a JSON body may be: no parameter has more than two levels. */
const MAX_JSON_DEPTH = 100;

/** The answer to a call that was refused or failed. */
export function errorResponse(error: ApiError, headers: Record<string, string> = {}): Response {
  const { status, message, type, param, code } = error;
  return Response.json({ error: { message, type, param, code } }, { status, headers });
}

/** The answer to a path's other methods. */
export function notAllowed(c: Call, allow: string): Response {
  return errorResponse(refused(405, `Not allowed to ${c.req.method} on ${c.req.path}.`), { allow });
}

/** What a call is answered whose route threw. */
export function failure(error: Error, c: Call): Response {
  if (error instanceof ApiError && error.status < 500) return errorResponse(error, headersOf(error));
  const { requestId } = c.var;
  logError("request.failed", error, { request: requestId, method: c.req.method });
  if (error instanceof SettingError) return errorResponse(serverError(error.message), FINAL);
  const fault = storageFault(error);
  if (fault !== null) return storageResponse(fault, requestId);
  return errorResponse(
    serverError(
      `The server had an error while processing your request. Please tell its operator this request id: ${requestId}`,
    ),
  );
}

/** A retry would change nothing. Both SDKs retry after a 409, a 429 and any 500, unless told not to. */
const FINAL = { "x-should-retry": "false" };

/** What a call is answered that failed for the disk. */
function storageResponse(fault: StorageFault, requestId: string): Response {
  const message = `${faultTexts[fault]} Its log has this request id: ${requestId}`;
  const code = `storage_${fault}`;
  // Nothing is mended by asking again.
  const [status, headers] = fault === "damaged" ? [500, FINAL] : [503, {}];
  return errorResponse(new ApiError({ status, type: "server_error", message, param: null, code }), headers);
}

function headersOf({ status, code }: ApiError): Record<string, string> {
  if (status === 401) return { "www-authenticate": 'Bearer realm="OpenAI API"' };
  return status === 409 || code === QUOTA_USED_UP ? FINAL : {};
}

/** Whatever is no fault of the caller's: said without details, which are in the log under the request's id. */
function serverError(message: string): ApiError {
  return new ApiError({ status: 500, type: "server_error", message, param: null, code: null });
}

/** A call that was refused with no more to say than why. */
export function refused(status: number, message: string): ApiError {
  return new ApiError({ status, type: "invalid_request_error", message, param: null, code: null });
}

/** A body that has more bytes than are taken. */
export function tooLarge(most: number): ApiError {
  return refused(413, `The request body is larger than ${most} bytes.`);
}

/** The JSON object of a body, which some calls may leave out. @throws InvalidRequestError */
export async function jsonObject(c: Call, or?: "or nothing"): Promise<Record<string, unknown>> {
  const length = Number(c.req.header("content-length") ?? 0);
  const body = length > MAX_JSON_BYTES ? undefined : await boundedText(c.req.raw.body);
  if (body === undefined) throw tooLarge(MAX_JSON_BYTES);
  if (body === "" && or) return {};
  const value = parsed(body);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidRequestError(
      `Invalid type for body: expected an object, but got ${kindOf(value)} instead.`,
      { code: "invalid_type" },
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
