/** What the page and the thread that reads files say to each other. */

import type { LineFault } from "../../core/explain.ts";
import type { Cure, Cured } from "../../core/repair.ts";
import type { Report, Statistics } from "../../core/reports.ts";
import type { BatchError, Dialect } from "../../core/types.ts";
import type { FromConvert, ToConvert } from "../convert/protocol.ts";

/** How a file is to be checked. */
export interface CheckSettings {
  /** Null: the one that the first line of the file names. */
  endpoint: string | null;
  dialect: Dialect;
  singleModel: boolean;
  maxRequests: number;
  maxFileBytes: number;
}

/** What was found, apart from the errors, which come by themselves. */
export type Counts = Omit<Report, "errors">;

/** A stretch of text on a laid out row. */
export interface Span {
  text: string;
  kind: "plain" | "key" | "string" | "number" | "literal" | "left-out" | "fault" | "missing";
}

/** A row of a laid out line. */
export interface Row {
  depth: number;
  spans: Span[];
  /** Whether the fault is in it. */
  marked: boolean;
}

/** A line, laid out for reading. */
export interface LineView {
  line: number;
  bytes: number;
  rows: Row[];
  /** Where and why the JSON breaks, if it does. */
  fault: LineFault | null;
  /** Whether only the beginning could be shown. */
  cut: boolean;
}

export type ToReader =
  | {
      type: "check";
      wasm: WebAssembly.Module;
      file: Blob;
      /** Whether it is checked though it is no batch file. */
      asIs: boolean;
      settings: CheckSettings;
      maxErrors: number;
    }
  | { type: "cancel" }
  /** Lay out a line; a later request replaces this one. */
  | { type: "line"; line: number; error: BatchError | null }
  /** Write the good lines, all of them unpacked, or all of them in parts that are within the limits. */
  | { type: "write"; what: "good" | "all" | "parts" }
  | { type: "stop-writing" }
  /** Of a file that is no batch file. */
  | { type: "convert"; ask: ToConvert }
  /** Look what can be mended. */
  | { type: "look-for-cures" }
  /** Write a mended file; null for all cures. */
  | { type: "repair"; only: Cure[] | null }
  | { type: "stop-repair" };

export type FromReader =
  | {
      type: "progress";
      /** Bytes of the chosen file that were read; of a packed file, packed ones. */
      read: number;
      endpoint: string;
      counts: Counts;
      statistics: Statistics;
      /** Those that were not sent before. */
      errors: BatchError[];
    }
  | { type: "end"; cancelled: boolean }
  | { type: "failed"; message: string }
  | { type: "line"; view: LineView }
  | { type: "line-failed"; line: number; message: string }
  | { type: "writing"; read: number }
  | { type: "written"; files: { blob: Blob; requests: number }[] }
  | { type: "write-failed"; message: string }
  | { type: "convert"; said: FromConvert }
  | { type: "cures"; cures: Cured[] }
  | { type: "repairing"; read: number }
  | { type: "repaired"; blob: Blob }
  | { type: "repair-failed"; message: string };
