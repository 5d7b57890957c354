/** edgebatch: the OpenAI Batches API over storage, files and models of your own. */

export { MemoryFiles } from "../hosts/files/memory.ts";
export { anyModel, type EchoInferenceOptions, echoInference, echoModels } from "../hosts/inference/echo.ts";
export { ResponseTooLargeError } from "../hosts/inference/exchange.ts";
export { type FetchInferenceOptions, fetchInference, RedirectError } from "../hosts/inference/fetch.ts";
export { MemoryKV } from "../hosts/kv/memory.ts";
export { Batches, type BatchesOptions, type InputValidation } from "./batches.ts";
export {
  ApiError,
  type ApiErrorFields,
  ConflictError,
  CorePanicError,
  InvalidRequestError,
  ResourceNotFoundError,
  type StoreHolder,
  StoreInUseError,
} from "./errors.ts";
export { explainLine, type LineFault } from "./explain.ts";
export { readLines } from "./lines.ts";
export type { BatchRequest, Report, ReportError, Statistics, Tally, TurnEnd } from "./reports.ts";
export type { ServiceSettings, ValidationOptions, ValidatorOptions } from "./settings.ts";
export type * from "./types.ts";
export { sizeFrom, Validator } from "./validator.ts";
