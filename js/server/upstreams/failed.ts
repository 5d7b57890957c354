/** What is answered when a model server is at fault. */

import { ApiError } from "../../core/errors.ts";
import { errorResponse } from "../http.ts";

/** An answer of this server's own, in OpenAI's shape. */
export function failed(status: number, message: string, headers: Record<string, string> = {}): Response {
  return errorResponse(
    new ApiError({ status, type: "server_error", message, param: null, code: null }),
    headers,
  );
}
