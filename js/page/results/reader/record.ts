/** A line of a results file, as far as it counts: whose it is, how it ended, why, and what it used. */
import { endOf, type ResultLine } from "../../../core/result-line.ts";
import type { Tokens } from "../protocol.ts";

/** A JSON object of whatever members. */
export type Json = Record<string, unknown>;

/** What went wrong with a request. */
export interface Reason {
  code: string;
  message: string;
}

const LONGEST_MESSAGE = 300;

export function objectOf(value: unknown): Json | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : null;
}

export const textOf = (value: unknown): string | null =>
  typeof value === "string" && value !== "" ? value : null;

/** A line's object; null for anything else. */
export function parsed(text: string): Json | null {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return null;
  }
}

export function statusOf(line: Json): number | null {
  const status = objectOf(line.response)?.status_code;
  return typeof status === "number" ? status : null;
}

/** Null for a request that was answered. */
export function reasonOf(line: Json): Reason | null {
  if (endOf(line as ResultLine) === "answered") return null;
  const body = objectOf(line.response)?.body;
  const inner = objectOf(body)?.error;
  const error = objectOf(line.error) ?? objectOf(inner) ?? {};
  const status = statusOf(line);
  const code = textOf(error.code) ?? textOf(error.type) ?? (status === null ? "unknown" : `HTTP ${status}`);
  const message = textOf(error.message) ?? textOf(inner) ?? textOf(body) ?? textOf(line.error) ?? "";
  return { code: code.slice(0, 100), message: message.slice(0, LONGEST_MESSAGE) };
}

/** What an answer says that it used, in the words of any endpoint; null when it does not say. */
export function tokensOf(body: Json | null): Tokens | null {
  const usage = objectOf(body?.usage);
  if (!usage) return null;
  const first = (...values: unknown[]) =>
    values.find((value): value is number => typeof value === "number" && value >= 0) ?? 0;
  const [read, made] = [
    objectOf(usage.prompt_tokens_details) ?? objectOf(usage.input_tokens_details),
    objectOf(usage.completion_tokens_details) ?? objectOf(usage.output_tokens_details),
  ];
  return {
    input: first(usage.prompt_tokens, usage.input_tokens),
    output: first(usage.completion_tokens, usage.output_tokens),
    cached: first(read?.cached_tokens, usage.cache_read_input_tokens),
    reasoning: first(made?.reasoning_tokens),
  };
}

/** Why an answer ended: the reason of its first choice, or its own. */
export function finishOf(body: Json): string | null {
  const choice = Array.isArray(body.choices) ? objectOf(body.choices[0]) : null;
  return textOf(choice?.finish_reason) ?? textOf(body.stop_reason) ?? textOf(body.status);
}
