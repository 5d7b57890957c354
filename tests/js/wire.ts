/** Records of the core: where its types and ours differ, this does not compile. Written by `UPDATE_TYPESCRIPT=1 cargo test --lib typescript`, from src/typescript. */
import type { ApiErrorFields } from "../../js/core/errors.ts";
import type { Report, Statistics } from "../../js/core/reports.ts";
import type {
  Batch,
  BatchCreateParams,
  BatchError,
  BatchList,
  BatchListParams,
  BatchResultsParams,
  Dialect,
  FileObject,
} from "../../js/core/types.ts";
import type { Bare, Full, Named } from "./wire-types.ts";

export const fullBatch: Full<Batch> = {
  id: "batch_1",
  object: "batch",
  endpoint: "/v1/e",
  model: "m",
  errors: {
    object: "list",
    data: [
      {
        code: "c",
        message: "m",
        param: "p",
        line: 1,
      },
    ],
  },
  input_file_id: "file-1",
  completion_window: "24h",
  status: "completed",
  output_file_id: "file-2",
  error_file_id: "file-3",
  created_at: 1,
  in_progress_at: 2,
  expires_at: 3,
  finalizing_at: 4,
  completed_at: 5,
  failed_at: 6,
  expired_at: 7,
  cancelling_at: 8,
  cancelled_at: 9,
  request_counts: {
    total: 1,
    completed: 2,
    failed: 3,
  },
  usage: {
    input_tokens: 1,
    output_tokens: 2,
    total_tokens: 3,
    input_tokens_details: {
      cached_tokens: 4,
    },
    output_tokens_details: {
      reasoning_tokens: 5,
    },
  },
  metadata: {
    name: "text",
  },
  edgebatch: {
    continue_from: "batch_0",
    only: ["failed"],
    merge: true,
    reused: {
      completed: 1,
      failed: 2,
      not_run: 3,
      usage: {
        input_tokens: 1,
        output_tokens: 2,
        total_tokens: 3,
        input_tokens_details: {
          cached_tokens: 4,
        },
        output_tokens_details: {
          reasoning_tokens: 5,
        },
      },
    },
    priority: -1,
    budget: {
      requests: 1,
      input_tokens: 2,
      output_tokens: 3,
      total_tokens: 4,
      cost: 5.5,
      used: {
        requests: 1,
        input_tokens: 2,
        output_tokens: 3,
        total_tokens: 4,
        cost: 0.25,
      },
    },
    ended_by: "budget",
    dedupe: true,
    deduped: {
      requests: 4,
      usage: {
        input_tokens: 1,
        output_tokens: 2,
        total_tokens: 3,
        input_tokens_details: {
          cached_tokens: 4,
        },
        output_tokens_details: {
          reasoning_tokens: 5,
        },
      },
    },
    split: true,
    parts: 2,
    order: "prefix",
    waiting: {
      reason: "failing",
      status: 500,
      message: "m",
      since: 1,
      until: 2,
    },
    paused_at: 3,
    moving_at: 4,
    moved_at: 5,
    results_file_id: "file-4",
  },
};

export const bareBatch: Bare<Batch> = {
  id: "batch_1",
  object: "batch",
  endpoint: "/v1/e",
  model: null,
  errors: null,
  input_file_id: "file-1",
  completion_window: "24h",
  status: "completed",
  output_file_id: null,
  error_file_id: null,
  created_at: 1,
  in_progress_at: null,
  expires_at: null,
  finalizing_at: null,
  completed_at: null,
  failed_at: null,
  expired_at: null,
  cancelling_at: null,
  cancelled_at: null,
  request_counts: {
    total: 1,
    completed: 2,
    failed: 3,
  },
  usage: {
    input_tokens: 1,
    output_tokens: 2,
    total_tokens: 3,
    input_tokens_details: {
      cached_tokens: 4,
    },
    output_tokens_details: {
      reasoning_tokens: 5,
    },
  },
  metadata: null,
};

export const fullError: Full<BatchError> = {
  code: "c",
  message: "m",
  param: "p",
  line: 1,
};

export const bareError: Bare<BatchError> = {
  code: "c",
  message: "m",
  param: null,
  line: null,
};

export const fullList: Omit<Full<BatchList>, "data"> & { data: Bare<Batch>[] } = {
  object: "list",
  data: [
    {
      id: "batch_1",
      object: "batch",
      endpoint: "/v1/e",
      model: null,
      errors: null,
      input_file_id: "file-1",
      completion_window: "24h",
      status: "completed",
      output_file_id: null,
      error_file_id: null,
      created_at: 1,
      in_progress_at: null,
      expires_at: null,
      finalizing_at: null,
      completed_at: null,
      failed_at: null,
      expired_at: null,
      cancelling_at: null,
      cancelled_at: null,
      request_counts: {
        total: 1,
        completed: 2,
        failed: 3,
      },
      usage: {
        input_tokens: 1,
        output_tokens: 2,
        total_tokens: 3,
        input_tokens_details: {
          cached_tokens: 4,
        },
        output_tokens_details: {
          reasoning_tokens: 5,
        },
      },
      metadata: null,
    },
  ],
  first_id: "batch_1",
  last_id: "batch_1",
  has_more: true,
};

export const bareList: Bare<BatchList> = {
  object: "list",
  data: [],
  first_id: null,
  last_id: null,
  has_more: false,
};

export const fullRefusal: Full<ApiErrorFields> = {
  status: 400,
  type: "invalid_request_error",
  message: "m",
  param: "p",
  code: "c",
};

export const bareRefusal: Bare<ApiErrorFields> = {
  status: 400,
  type: "invalid_request_error",
  message: "m",
  param: null,
  code: null,
};

export const fullReport: Full<Report> = {
  errors: [
    {
      code: "c",
      message: "m",
      param: "p",
      line: 1,
      column: 2,
      reason: "r",
    },
  ],
  errorCount: 1,
  requestCount: 2,
  validCount: 3,
  lineCount: 4,
  bytes: 5,
  model: "m",
};

export const bareReport: Bare<Report> = {
  errors: [
    {
      code: "c",
      message: "m",
      param: "p",
      line: 1,
      column: 2,
      reason: "r",
    },
  ],
  errorCount: 1,
  requestCount: 2,
  validCount: 3,
  lineCount: 4,
  bytes: 5,
  model: null,
};

export const statistics: Full<Statistics> = {
  codes: [
    {
      name: "n",
      count: 1,
    },
  ],
  sizes: [1],
  longest: [
    {
      line: 1,
      bytes: 2,
    },
  ],
  models: [
    {
      name: "n",
      count: 1,
    },
  ],
  otherModels: 1,
};

export const file: Pick<Full<FileObject>, "id" | "bytes"> = {
  id: "file-1",
  bytes: 1,
};

export const createParams: Named<BatchCreateParams> = {
  input_file_id: true,
  endpoint: true,
  completion_window: true,
  metadata: true,
  idempotency_key: true,
  edgebatch: true,
};

export const listParams: Named<BatchListParams> = {
  after: true,
  limit: true,
};

export const resultsParams: Named<BatchResultsParams> = {
  after: true,
  limit: true,
};

export const dialects: Record<Dialect, true> = {
  reference: true,
  openai: true,
};

export const classStarts: number[] = [
  0, 1, 2, 3, 4, 4, 4, 4, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128,
  160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096,
  5120, 6144, 7168, 8192, 10240, 12288, 14336, 16384, 20480, 24576, 28672, 32768, 40960, 49152, 57344, 65536,
  81920, 98304, 114688, 131072, 163840, 196608, 229376, 262144, 327680, 393216, 458752, 524288, 655360,
  786432, 917504, 1048576, 1310720, 1572864, 1835008, 2097152, 2621440, 3145728, 3670016, 4194304, 5242880,
  6291456, 7340032, 8388608, 10485760, 12582912, 14680064, 16777216, 20971520, 25165824, 29360128, 33554432,
  41943040, 50331648, 58720256, 67108864, 83886080, 100663296, 117440512, 134217728, 167772160, 201326592,
  234881024, 268435456, 335544320, 402653184, 469762048, 536870912, 671088640, 805306368, 939524096,
];

export const wrongTypes: Record<string, string> = {
  null: "Invalid type for 'p': expected a list, but got null instead.",
  true: "Invalid type for 'p': expected a list, but got a boolean instead.",
  "1.5": "Invalid type for 'p': expected a list, but got a decimal number instead.",
  "7": "Invalid type for 'p': expected a list, but got an integer instead.",
  "-7": "Invalid type for 'p': expected a list, but got an integer instead.",
  '"a"': "Invalid type for 'p': expected a list, but got a string instead.",
  "[]": "Invalid type for 'p': expected a list, but got an array instead.",
  "{}": "Invalid type for 'p': expected a list, but got an object instead.",
};

export const missing: ApiErrorFields = {
  status: 400,
  type: "invalid_request_error",
  message: "Missing required parameter: 'p'.",
  param: "p",
  code: "missing_required_parameter",
};

export const belowMinimum: ApiErrorFields = {
  status: 400,
  type: "invalid_request_error",
  message: "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead.",
  param: "limit",
  code: "integer_below_min_value",
};

export const aboveMaximum: ApiErrorFields = {
  status: 400,
  type: "invalid_request_error",
  message: "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.",
  param: "limit",
  code: "integer_above_max_value",
};
