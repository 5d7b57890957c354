/** What the service is given and returns: the objects of the wire, and what bounds them. The same nouns as the Rust core. */

/** A stored file, in OpenAI's shape. Times are Unix seconds. */
export interface FileObject {
  id: string;
  object: "file";
  bytes: number;
  created_at: number;
  filename: string;
  purpose: string;
}

export type Dialect = "reference" | "openai";

/**
 * In which order the requests of a batch are sent: as its file has them, or those together that share model and beginning. Its
 * files are in the order of the input all the same.
 */
export type BatchOrder = "file" | "prefix";

export type BatchStatus =
  | "validating"
  | "failed"
  | "in_progress"
  | "finalizing"
  | "completed"
  | "expired"
  | "cancelling"
  | "cancelled";

/** One reason why an input file was refused. */
export interface BatchError {
  code: string;
  message: string;
  param: string | null;
  /** Physical line, 1-based; null for errors of the whole file. */
  line: number | null;
}

/** A batch, exactly as on the wire. Times are Unix seconds. */
export interface Batch {
  id: string;
  object: "batch";
  endpoint: string;
  model: string | null;
  errors: { object: "list"; data: BatchError[] } | null;
  input_file_id: string;
  completion_window: string;
  status: BatchStatus;
  output_file_id: string | null;
  error_file_id: string | null;
  created_at: number;
  in_progress_at: number | null;
  expires_at: number | null;
  finalizing_at: number | null;
  completed_at: number | null;
  failed_at: number | null;
  expired_at: number | null;
  cancelling_at: number | null;
  cancelled_at: number | null;
  request_counts: { total: number; completed: number; failed: number };
  usage: BatchUsage;
  metadata: Record<string, string> | null;
  /** What OpenAI's object has no key for; absent when empty. */
  edgebatch?: BatchExtension;
}

/** Tokens of answers. */
export interface BatchUsage {
  input_tokens: number;
  output_tokens: number;
  total_tokens: number;
  input_tokens_details: { cached_tokens: number };
  output_tokens_details: { reasoning_tokens: number };
}

/** What this implementation says of a batch besides OpenAI's own members. */
export interface BatchExtension {
  /** The batch that it continues. */
  continue_from?: string;
  /** Ends of requests that run again; those that never ran do in any case. */
  only?: BatchRerun[];
  /** Whether its files hold the results of the other batch too. */
  merge?: boolean;
  /** What was taken over of it, once that is known. Its tokens are not among the batch's own. */
  reused?: {
    /** Requests answered with 2xx. */
    completed: number;
    /** Requests that ran and failed, and do not run again. */
    failed: number;
    /** Requests that were cancelled or expired, and do not run now either. */
    not_run: number;
    usage: BatchUsage;
  };
  /** How much sooner than others of its tenant it is to run, or later. */
  priority?: number;
  /** What it may use, and has used. */
  budget?: BatchBudget & { used: BatchUsed };
  /** That the budget was used up before all of it ran; its status is `cancelled`. */
  ended_by?: "budget";
  /** Whether identical requests are asked once. */
  dedupe?: boolean;
  /** How many requests that saved, once it is known, and which tokens so far. These are not among the batch's own. */
  deduped?: {
    requests: number;
    usage: BatchUsage;
  };
  /** Whether its file may have the requests of several. */
  split?: boolean;
  /** Of how many files they are, each of at most `limits.maxRequests`, once that is known. */
  parts?: number;
  /** In which order its requests are sent; absent where nobody said so, which is that of its file. */
  order?: BatchOrder;
  /** Why nothing starts right now; absent when all goes well. */
  waiting?: BatchWait;
  /** Since when it is paused; absent when it is not. */
  paused_at?: number;
  /** Since when it is on its way to another host, in Unix seconds. */
  moving_at?: number;
  /** When another host had taken it over, which is how it ended here. */
  moved_at?: number;
  /** The file that has all lines of an ended batch in the order in which they came, where somebody followed them. */
  results_file_id?: string;
}

/** Caps of a batch, above 0: nothing starts that would pass one, by the mean of what was answered. */
export interface BatchBudget {
  /** Requests that may run. */
  requests?: number;
  input_tokens?: number;
  output_tokens?: number;
  total_tokens?: number;
  /** By the prices of the settings, and in their unit. */
  cost?: number;
}

/** What a batch has used of its budget: of a request that was answered again after a crash, both answers. */
export interface BatchUsed {
  /** Requests that ran to their end. */
  requests: number;
  input_tokens: number;
  output_tokens: number;
  total_tokens: number;
  /** Where the cost is capped. */
  cost?: number;
}

/** How requests of a batch ended that run again where another continues it. */
export type BatchRerun = "failed" | "expired" | "cancelled";

/** Why the requests of a batch wait, and until when. Times are Unix seconds. */
export interface BatchWait {
  /**
   * `overloaded`: too much to do, or unreachable; `unavailable`: a gateway in front of the model server gets no answer;
   * `failing`: every request fails; `refused`: it refuses everyone (key, address, account).
   */
  reason: "overloaded" | "unavailable" | "failing" | "refused";
  /** What the model server answered last; null when there was no answer. */
  status: number | null;
  /** What it said, or why it could not be reached. */
  message: string;
  /** When it last answered a request, or else the run began. */
  since: number;
  /** When it is asked again. */
  until: number;
}

export interface BatchList {
  object: "list";
  data: Batch[];
  first_id: string | null;
  last_id: string | null;
  has_more: boolean;
}

/** Parameters of {@link Batches.create}. */
export interface BatchCreateParams {
  input_file_id: string;
  endpoint: string;
  completion_window: string;
  metadata?: Record<string, string> | null;
  /** The same key with the same parameters gives the same batch; with others it is a conflict. */
  idempotency_key?: string;
  /** What OpenAI has no parameter for. */
  edgebatch?: {
    /** A batch over the same file, which has ended: what it answered does not run again. */
    continue_from?: string | null;
    /** Ends of requests that run again, besides those that never ran. Default: all. */
    only?: BatchRerun[] | null;
    /** Whether the new batch's files hold the other one's results too, in input order. Default false. */
    merge?: boolean | null;
    /** -10 to 10: it goes before batches of the level below that were made up to an hour before it. Default 0. */
    priority?: number | null;
    /** What it may use; what then has no room is left out, and runs where another batch continues this one. */
    budget?: { [Cap in keyof BatchBudget]: number | null } | null;
    /** Whether requests with the same body, byte for byte, are asked once and answered for each line. Default false. */
    dedupe?: boolean | null;
    /**
     * Whether the file may have more requests than one may: as many as {@link ServiceSettings.maxParts} of them. It runs as one
     * batch, with one output and one error file. Default false.
     */
    split?: boolean | null;
    /** In which order requests are sent: `prefix` has those that begin alike together. Default: the setting `order`. */
    order?: BatchOrder | null;
  } | null;
}

/** A batch that came from another host, and the fence by which that one is told so. */
export interface ImportedBatch {
  object: "edgebatch.import";
  fence: string;
  batch: Batch;
}

/** Parameters of {@link Batches.list}. */
export interface BatchListParams {
  /** The last id of the page before. */
  after?: string;
  /** 1 to 100. Default 20. */
  limit?: number;
}

/** Parameters of {@link Batches.results}. */
export interface BatchResultsParams {
  /** What the page before ended with, its `last`: exclusive. */
  after?: string;
  /** Lines at most, 1 to 10,000, which is the default. A page ends after a mebibyte all the same. */
  limit?: number;
}

/** Some finished lines of a batch. */
export interface BatchResults {
  /** Whole lines, as they are or will be in the output or error file. */
  lines: Uint8Array;
  /** Where the first line begins: {@link cursorAfter} says where the others do. */
  from: string;
  /** Where the next page begins: its `after`. */
  last: string;
  /** Whether more lines are there, or may come. */
  incomplete: boolean;
}

/** What a batch that has ended read and wrote, and how often the model server was called for it. */
export interface BatchManifest {
  object: "batch.manifest";
  batch_id: string;
  status: BatchStatus;
  request_counts: { total: number; completed: number; failed: number };
  /** Null where it was never read to its end, or that is not known any more. */
  input: ManifestFile | null;
  output: ManifestFile | null;
  error: ManifestFile | null;
  /** Calls that a process began in the quarter of a second before it died may be missing. */
  calls: {
    /** All that were begun. */
    made: number;
    /** Those of them that were in flight when a process died: their requests were sent again. */
    lost: number;
  };
}

/** A file as a batch read or wrote it. */
export interface ManifestFile {
  file_id: string;
  bytes: number;
  /** Blank ones too. */
  lines: number;
  /** In hex. */
  sha256: string;
}

/** Limits of one input file; each may be raised. */
export interface Limits {
  /** Default 50,000. */
  maxRequests?: number;
  /** Default 209,715,200. */
  maxFileBytes?: number;
  /** Default 8 MiB. */
  maxLineBytes?: number;
  /** Errors kept of a file; the rest are counted. Default 1,000. */
  maxErrors?: number;
  /** Largest answer of the model, in bytes; a larger one is `response_too_large`. Default 8 MiB. */
  maxResponseBytes?: number;
}
