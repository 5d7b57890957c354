/** What the results view and the thread that reads its files say to each other. */
import type { Row } from "../reader/protocol.ts";

/** A file that was chosen, dropped or fetched. */
export interface ChosenFile {
  name: string;
  blob: Blob;
}

/** Kinds of rows below those of errors, which are numbered from `firstError` on. */
export const kind = { answered: 0, replaced: 1, missing: 2, unreadable: 3 } as const;
export const firstError = 4;

/** Which rows are shown. */
export interface Filter {
  /** Null: all. */
  kinds: number[] | "failed" | null;
  text: string;
}

/** Errors that say the same. */
export interface ErrorGroup {
  kind: number;
  code: string;
  message: string;
  count: number;
}

/** What an answer says that it used. */
export interface Tokens {
  input: number;
  output: number;
  cached: number;
  reasoning: number;
}

export interface ModelUsage {
  name: string;
  answers: number;
  input: number;
  output: number;
}

export interface Usage extends Tokens {
  /** Answers that say what they used. */
  told: number;
  models: ModelUsage[];
  /** Answers by their tokens: `classes[c]` counts those below 2 to the `c`, and not below half of it. */
  classes: number[];
  /** Why answers ended. */
  finished: { name: string; count: number }[];
}

export interface Summary {
  rows: number;
  answered: number;
  failed: number;
  replaced: number;
  missing: number;
  unreadable: number;
  /** Lines of the input that are no requests; null without an input. */
  strangeRequests: number | null;
  errors: ErrorGroup[];
  usage: Usage;
  files: { name: string; bytes: number; role: Role }[];
}

export type Role = "results" | "input";

/** A row of the list. */
export interface RowHead {
  id: string;
  kind: number;
  /** HTTP status; null where there was no answer. */
  status: number | null;
  /** How the answer, or the error, begins. */
  text: string;
}

/** A part of an answer or a request, for reading. */
export type Block =
  | { form: "text"; label: string; text: string; leftOut: number }
  | { form: "json"; label: string; rows: Row[] }
  | { form: "image"; label: string; bitmap: ImageBitmap; caption: string };

/** All of one row. */
export interface RowView extends RowHead {
  position: number;
  code: string | null;
  file: string;
  model: string | null;
  tokens: Tokens | null;
  answer: Block[];
  request: Block[] | null;
  /** The line of the result as it is, laid out. */
  raw: Row[];
  rawRequest: Row[] | null;
}

export type What = "csv" | "joined" | "merged" | "retry";

export type ToResults =
  | { type: "open"; wasm: WebAssembly.Module; files: ChosenFile[] }
  /** More of the results of a batch that runs, in whole lines. */
  | { type: "append"; lines: Blob; isLast: boolean }
  | { type: "filter"; filter: Filter; version: number }
  | { type: "rows"; from: number; to: number }
  | { type: "row"; position: number }
  | { type: "write"; what: What }
  | { type: "stop-writing" };

/** The thread serves the checker too: this is for the results view's part of it. */
export interface ForResults {
  type: "results";
  ask: ToResults;
}

export type FromResults =
  | { type: "progress"; read: number; of: number; summary: Summary }
  | { type: "end"; summary: Summary }
  | { type: "failed"; message: string }
  /** The lines are taken in. What is shown may have other positions now, the chosen row too. */
  | { type: "appended"; summary: Summary; position: number | null }
  /** How many rows the filter lets through; `searched` of `of` rows were looked at. */
  | { type: "shown"; version: number; count: number; searched: number; of: number }
  | { type: "rows"; version: number; from: number; rows: RowHead[] }
  | { type: "row"; version: number; view: RowView }
  | { type: "row-failed"; message: string }
  | { type: "writing"; done: number; of: number }
  | { type: "written"; what: What; blob: Blob; lines: number }
  | { type: "write-failed"; message: string };
