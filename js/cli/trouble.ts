/** What an answer, or the lack of one, says about the server and not about the request. */

import type { InferenceRequest, InferenceResponse } from "../core/types.ts";
import { messageOf, oneLine } from "./terminal.ts";

/** A server that does no work. */
export interface Trouble {
  /** `down`: it may pass by itself. `refused`: somebody has to do something first. */
  kind: "down" | "refused";
  /** Whether it cannot be the fault of one request. */
  ofAll: boolean;
  /** A sentence without its end. */
  text: string;
}

/** Null for a real answer, which includes a faulty request and an overloaded server. */
export function troubleOf(request: InferenceRequest, outcome: InferenceResponse | Error): Trouble | null {
  if (outcome instanceof Error) {
    const text = messageOf(outcome);
    if (outcome.name === "RedirectError") return { kind: "refused", ofAll: true, text };
    return { kind: "down", ofAll: true, text: `no answer: ${text}` };
  }
  const { status } = outcome;
  if (status < 400) return null;
  const { message, codes } = errorOf(outcome.body);
  const text = `the server answers ${status}${message === "" ? "" : ` (${message})`}`;
  if (status >= 500) return { kind: "down", ofAll: false, text };
  if (status === 429 && codes.includes("insufficient_quota")) {
    return { kind: "refused", ofAll: true, text: `${text}: the quota is used up` };
  }
  if (status === 401 || status === 403) {
    return { kind: "refused", ofAll: status === 401, text: `${text}: check the key` };
  }
  if (status === 402) return { kind: "refused", ofAll: true, text: `${text}: payment is required` };
  if (status === 404 || status === 405) {
    const hint = "check --url and the model";
    return { kind: "refused", ofAll: false, text: `${text} to ${request.url}: ${hint}` };
  }
  return null;
}

/** The message of an error in OpenAI's form, or the start of whatever else there is. */
export function errorOf(body: Uint8Array): { message: string; codes: unknown[] } {
  const text = new TextDecoder().decode(body.subarray(0, 10_000));
  try {
    const { error } = JSON.parse(text) as {
      error?: { message?: unknown; code?: unknown; type?: unknown } | string;
    };
    if (typeof error === "string") return { message: shortened(error), codes: [] };
    return { message: shortened(String(error?.message ?? "")), codes: [error?.code, error?.type] };
  } catch {
    return { message: shortened(text.replace(/<[^>]*>/g, " ")), codes: [] };
  }
}

function shortened(text: string): string {
  const line = oneLine(text.replace(/\s+/g, " ").trim());
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}
