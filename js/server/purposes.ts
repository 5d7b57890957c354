/** What files are for, and what OpenAI checks of them when they are uploaded. */

import { InvalidRequestError } from "../core/errors.ts";
import { fixedLimits } from "../core/rules.ts";

const PURPOSES = ["fine-tune", "assistants", "batch", "user_data", "vision", "evals"];
export const DOWNLOADABLE = ["batch", "batch_output", "fine-tune", "fine-tune-results", "evals"];
/** Seconds that files of purpose `batch` live unless said otherwise: 30 days. */
export const BATCH_SECONDS = fixedLimits.maxFileLifetimeSeconds;

/** Longest first line that is looked at. A longer one is left to validation. */
export const FIRST_LINE_BYTES = 1024 * 1024;

/** A file part that is stored. */
export interface Received {
  filename: string;
  bytes: number;
  /** How many lines it has: about as many requests as there are. */
  lines: number;
  /** The first line that is not blank, as far as it was kept; undefined when it was too long. */
  firstLine: Uint8Array | undefined;
  /** How it is packed, by its first bytes. */
  packing: "gzip" | "zstd" | null;
}

export function checkPurpose(purpose: string | undefined): string {
  if (purpose === undefined || purpose === "") {
    throw new InvalidRequestError("'purpose' is a required property");
  }
  if (PURPOSES.includes(purpose)) return purpose;
  const all = PURPOSES.map((name) => `'${name}'`).join(", ");
  throw new InvalidRequestError(`'${purpose}' is not one of [${all}] - 'purpose'`, { param: "purpose" });
}

/** Of a batch's input: its name and its first line, nothing else. */
export function checkBatchInput(file: Pick<Received, "filename" | "firstLine">): void {
  const extension = /\.([^./\\]*)$/.exec(file.filename)?.[1]?.toLowerCase();
  const named = extension === undefined || extension === "jsonl";
  if (named && (file.firstLine === undefined || isJsonObject(file.firstLine))) return;
  throw new InvalidRequestError("Invalid file format for Batch API. Must be .jsonl");
}

function isJsonObject(bytes: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
