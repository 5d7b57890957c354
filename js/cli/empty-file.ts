import type { BatchError } from "../core/types.ts";

/** The error of a file without a request, of which no line can be at fault. */
export const emptyFile: BatchError = {
  code: "empty_file",
  message: "The input file is empty. Please ensure that the batch contains at least one request.",
  param: null,
  line: null,
};
