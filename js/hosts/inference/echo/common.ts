/** What the endpoints of the echo model share: refusals, checks, tokens, ids. */

import { missing, outOfRange, type ParameterError, wrongType } from "../../../core/texts.ts";

/** A parsed request body, not yet checked. */
export type Body = Record<string, unknown>;

/** Answers a body: gives the JSON text of a 200, or throws a {@link Refusal}. `id` is 32 hex digits. */
export type Endpoint = (body: Body, id: string, model: string) => string;

/** The creation time of every answer: 2023-11-14T22:13:20Z, as the same request must give the same bytes. */
export const CREATED = 1_700_000_000;

/** An answer other than 200. Not an Error: a stack for each refused line would cost more than the answer. */
export class Refusal {
  readonly status: number;
  readonly message: string;
  readonly param: string | null;
  readonly code: string | null;

  constructor(status: number, message: string, param: string | null, code: string | null) {
    this.status = status;
    this.message = message;
    this.param = param;
    this.code = code;
  }

  static of({ message, param, code }: ParameterError): Refusal {
    return new Refusal(400, message, param, code);
  }

  static missing(param: string): Refusal {
    return Refusal.of(missing(param));
  }

  static type(param: string, expected: string, got: unknown): Refusal {
    return Refusal.of(wrongType(param, expected, got));
  }

  static value(param: string, got: string, supported: readonly string[]): Refusal {
    const list = supported.map((value) => `'${value}'`);
    const values = `${list.slice(0, -1).join(", ")}, and ${list.at(-1)}`;
    const message = `Invalid value: '${got}'. Supported values are: ${values}.`;
    return new Refusal(400, message, param, "invalid_value");
  }

  static emptyArray(param: string): Refusal {
    const detail = "Expected an array with minimum length 1, but got an empty array instead.";
    return new Refusal(400, `Invalid '${param}': empty array. ${detail}`, param, "empty_array");
  }

  /** OpenAI's error envelope. */
  envelope(): string {
    const { message, param, code } = this;
    return JSON.stringify({ error: { message, type: "invalid_request_error", param, code } });
  }
}

/** A whole number within bounds, or undefined where it is absent or null. */
export function integer(body: Body, param: string, least: number, most: number): number | undefined {
  const value = body[param];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value)) throw Refusal.type(param, "an integer", value);
  if (value >= least && value <= most) return value;
  throw Refusal.of(outOfRange(param, value, least, most));
}

/** Texts that end an answer: none, one, or up to four. */
export function stopTexts(body: Body): string[] {
  const { stop } = body;
  if (stop === undefined || stop === null) return [];
  const list = Array.isArray(stop) ? stop : [stop];
  if (list.length > 4) {
    const detail = `Expected an array with maximum length 4, but got an array with length ${list.length} instead.`;
    throw new Refusal(400, `Invalid 'stop': array too long. ${detail}`, "stop", "array_above_max_length");
  }
  for (const text of list) {
    if (typeof text !== "string") throw Refusal.type("stop", "one of a string or an array of strings", stop);
  }
  return (list as string[]).filter((text) => text !== "");
}

const TOKEN = 4;

/** Tokens of a text. */
export function tokens(text: string): number {
  return Math.ceil(text.length / TOKEN);
}

/** The echo, cut at the first stop text and at the token limit. */
export function limited(
  text: string,
  stops: string[],
  most: number | undefined,
): { text: string; cut: boolean } {
  let end = text.length;
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at >= 0 && at < end) end = at;
  }
  if (most === undefined || end <= most * TOKEN) return { text: text.slice(0, end), cut: false };
  end = most * TOKEN;
  // A lone surrogate is dropped.
  const last = text.charCodeAt(end - 1);
  return { text: text.slice(0, last >= 0xd800 && last < 0xdc00 ? end - 1 : end), cut: true };
}

/** 32 hex digits made of a url and a body: for telling requests apart, not for secrets. */
export function hash128(url: string, body: Uint8Array): string {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let i = 0; i < url.length; i++) {
    a = Math.imul(a ^ url.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ url.charCodeAt(i), 0x85ebca6b);
  }
  for (let i = 0; i < body.length; i++) {
    const byte = body[i] as number;
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul((b ^ byte) + (b >>> 15), 0x85ebca6b);
  }
  const c = mix(a ^ Math.imul(b, 0xc2b2ae35));
  return hex(mix(a)) + hex(mix(b)) + hex(c) + hex(mix(c ^ body.length));
}

/** Spreads 32 bits over all of them. */
export function mix(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
