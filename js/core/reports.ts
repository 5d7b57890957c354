/** What the core finds in an input file and tells of a turn. `tests/js/core/wire.ts` holds these types to the core's. */
import type { BatchError } from "./types.ts";

/** An error as a report has it: more than a batch keeps of it. */
export interface ReportError extends BatchError {
  /** Of a line that is not JSON, the character where it breaks, 1-based. */
  column?: number;
  /** Why it breaks there. */
  reason?: string;
}

/** What was found in an input file, so far or in all. */
export interface Report {
  /** The first errors, in line order; errors of the whole file come last. */
  errors: ReportError[];
  /** Errors found, kept or not. */
  errorCount: number;
  /** Lines that are not blank. */
  requestCount: number;
  /** Lines without errors. */
  validCount: number;
  /** Physical lines. */
  lineCount: number;
  bytes: number;
  /** The model, if all valid lines name the same. */
  model: string | null;
}

/** How often something was seen. */
export interface Tally {
  name: string;
  count: number;
}

/** What the requests of a file are like, good or not. */
export interface Statistics {
  /** Errors by code, kept or not, in order of first appearance. */
  codes: Tally[];
  /** Requests by the bytes of their lines: `sizes[c]` counts those of at least `sizeFrom(c)` and less than `sizeFrom(c + 1)`. */
  sizes: number[];
  /** The ten longest lines, longest first; bytes include the line end. */
  longest: { line: number; bytes: number }[];
  /** Requests by model, in order of first appearance: the first fifty models. */
  models: Tally[];
  /** Requests for any other model. */
  otherModels: number;
}

/** A good line of an input file. */
export interface BatchRequest {
  /** Physical line, 1-based. */
  line: number;
  custom_id: string;
  method: string;
  url: string;
  body: Record<string, unknown>;
}

/** How a turn ended: `wakeAt` (Unix milliseconds) is when to run the next. */
export interface TurnEnd {
  /** `held`: another owner runs the batch. `paused`: nothing is to be done before it goes on, is cancelled, or expires. */
  state: "terminal" | "suspended" | "paused" | "faulted" | "held";
  wakeAt: number | null;
  message: string | null;
}
