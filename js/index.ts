/** edgebatch: the OpenAI Batches API over storage, files and models of your own. */
export { Batches, type BatchesOptions, type InputValidation } from "./batches.ts";
export {
  type BatchRequest,
  CorePanicError,
  type Report,
  type Statistics,
  type Tally,
  type TurnEnd,
} from "./core.ts";
export {
  ApiError,
  type ApiErrorFields,
  ConflictError,
  InvalidRequestError,
  ResourceNotFoundError,
  type StoreHolder,
  StoreInUseError,
} from "./errors.ts";
export type { Adapters } from "./host.ts";
export { anyModel, type EchoInferenceOptions, echoInference, echoModels } from "./hosts/echo.ts";
export {
  type FetchInferenceOptions,
  fetchInference,
  RedirectError,
  ResponseTooLargeError,
} from "./hosts/fetch-inference.ts";
export { MemoryFiles, MemoryKV } from "./hosts/memory.ts";
export { readLines } from "./lines.ts";
export type { ValidationOptions } from "./settings.ts";
export type * from "./types.ts";
export { sizeFrom, Validator, type ValidatorOptions } from "./validator.ts";
