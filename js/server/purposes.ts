/** What files are for, and what OpenAI checks of them when they are uploaded. */

import { concat } from "../core/bytes.ts";
import { InvalidRequestError } from "../core/errors.ts";

const PURPOSES = ["fine-tune", "assistants", "batch", "user_data", "vision", "evals"];
export const DOWNLOADABLE = ["batch", "batch_output", "fine-tune", "fine-tune-results", "evals"];
/** Seconds that files of purpose `batch` live unless said otherwise: 30 days. */
export const BATCH_SECONDS = 2_592_000;

/** Longest first line that is looked at. A longer one is left to validation. */
const FIRST_LINE_BYTES = 1024 * 1024;

/** A file part that is stored. */
export interface Received {
  filename: string;
  bytes: number;
  /** The first line that is not blank, as far as it was kept; undefined when it was too long. */
  firstLine: Uint8Array | undefined;
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
export function checkBatchInput(file: Received): void {
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

/** Keeps the first line that is not blank. */
export class FirstLine {
  #kept: Uint8Array[] = [];
  #size = 0;
  #state: "blank" | "open" | "done" | "too long" = "blank";

  push(chunk: Uint8Array): void {
    let rest = chunk;
    if (this.#state === "blank") {
      const start = rest.findIndex((byte) => byte !== 10 && byte !== 13 && byte !== 32 && byte !== 9);
      if (start < 0) return;
      rest = rest.subarray(start);
      this.#state = "open";
      // What begins with neither an object nor a byte order mark is judged by its first byte, however long it is.
      if (rest[0] !== 0x7b && rest[0] !== 0xef) rest = Uint8Array.of(rest[0] as number, 10);
    }
    if (this.#state !== "open") return;
    const end = rest.indexOf(10);
    const piece = end < 0 ? rest : rest.subarray(0, end);
    this.#size += piece.length;
    if (this.#size > FIRST_LINE_BYTES) {
      this.#state = "too long";
      this.#kept = [];
      return;
    }
    this.#kept.push(piece.slice());
    if (end >= 0) this.#state = "done";
  }

  /** Whether the whole line was seen, or as much as it takes to judge it. */
  get isWhole(): boolean {
    return this.#state === "done";
  }

  /** The line without its end; undefined when it was too long to keep. */
  line(): Uint8Array | undefined {
    if (this.#state === "too long") return undefined;
    return concat(this.#kept);
  }
}
