/** The errors a caller meets: each carries the fields of OpenAI's error envelope. */

/** The fields of OpenAI's error envelope, and the HTTP status. */
export interface ApiErrorFields {
  status: number;
  type: string;
  message: string;
  param: string | null;
  code: string | null;
}

/** A call that the service refused, or that failed in the host. */
export class ApiError extends Error {
  readonly status: number;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;

  constructor(fields: ApiErrorFields) {
    super(fields.message);
    this.name = "ApiError";
    this.status = fields.status;
    this.type = fields.type;
    this.param = fields.param;
    this.code = fields.code;
  }
}

/** 400: the request itself is wrong. */
export class InvalidRequestError extends ApiError {
  constructor(message: string, fields: Partial<ApiErrorFields> = {}) {
    super({ type: "invalid_request_error", param: null, code: null, ...fields, status: 400, message });
    this.name = "InvalidRequestError";
  }
}

/** 404: no such object. A `Files` adapter rejects with this when a file is missing. */
export class ResourceNotFoundError extends ApiError {
  constructor(message: string, fields: Partial<ApiErrorFields> = {}) {
    super({ type: "invalid_request_error", param: null, code: null, ...fields, status: 404, message });
    this.name = "ResourceNotFoundError";
  }
}

/** 409: the object is in a state that does not allow this. */
export class ConflictError extends ApiError {
  constructor(message: string, fields: Partial<ApiErrorFields> = {}) {
    super({ type: "invalid_request_error", param: null, code: null, ...fields, status: 409, message });
    this.name = "ConflictError";
  }
}

/** The error class that belongs to a status. */
export function apiError(fields: ApiErrorFields): ApiError {
  switch (fields.status) {
    case 400:
      return new InvalidRequestError(fields.message, fields);
    case 404:
      return new ResourceNotFoundError(fields.message, fields);
    case 409:
      return new ConflictError(fields.message, fields);
    default:
      return new ApiError(fields);
  }
}

/** A defect: the core stopped in the middle of something. What is stored is not touched; what was under way is over. */
export class CorePanicError extends Error {
  override name = "CorePanicError";
}

/** Who runs the batches of a store. */
export interface StoreHolder {
  pid: number;
  host: string;
  /** When it began, in Unix seconds. */
  since: number;
}

/** Another service, of this process or of another, runs the batches of the store. */
export class StoreInUseError extends Error {
  /** Who it is, as far as the store can tell. */
  readonly holder: StoreHolder | null;

  constructor(store: string, holder: StoreHolder | null) {
    const who = holder ? `process ${holder.pid} on ${holder.host}` : "another service";
    const since = holder ? `, since ${new Date(holder.since * 1000).toISOString()}` : "";
    super(
      `edgebatch: ${who} runs the batches of ${store} already${since}. One service at a time may run them; ` +
        "others may create, read and cancel batches meanwhile, with `autostart: false`.",
    );
    this.name = "StoreInUseError";
    this.holder = holder;
  }
}

/** What something thrown says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
