/** What the embedded model says to a request, whatever its endpoint. */

import { endpoints as known } from "../../../core/rules.ts";
import type { InferenceRequest, InferenceResponse } from "../../../core/types.ts";
import { chat } from "./chat.ts";
import { type Body, type Endpoint, hash128, Refusal } from "./common.ts";
import { completions } from "./completions.ts";
import { embeddings } from "./embeddings.ts";
import { moderations } from "./moderations.ts";
import { responses } from "./responses.ts";

const endpoints: Record<string, Endpoint> = {
  "/v1/chat/completions": chat,
  "/v1/completions": completions,
  "/v1/embeddings": embeddings,
  "/v1/responses": responses,
  "/v1/moderations": moderations,
};

/** The answer of the model of this name. */
export function answer(request: InferenceRequest, model: string): InferenceResponse {
  const id = hash128(request.url, request.body);
  try {
    const endpoint = Object.hasOwn(endpoints, request.url) ? endpoints[request.url] : undefined;
    if (endpoint === undefined) throw new Refusal(404, `Invalid URL (POST ${request.url})`, null, null);
    return respond(200, endpoint(parse(request.body, model, request.url), id, model), id);
  } catch (error) {
    if (error instanceof Refusal) return respond(error.status, error.envelope(), id);
    throw error;
  }
}

function respond(status: number, json: string, id: string): InferenceResponse {
  return { status, body: encoder.encode(json), requestId: `req_${id}` };
}

const encoder = new TextEncoder();
// A byte order mark is left in place, where JSON does not allow it.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What all endpoints check: an object, a model that exists, no stream. */
function parse(bytes: Uint8Array, model: string, url: string): Body {
  let body: Body;
  try {
    body = JSON.parse(decoder.decode(bytes)) as Body;
  } catch {
    throw new Refusal(400, NOT_JSON, null, null);
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw Refusal.type("body", "an object", body);
  }
  if (body.model === undefined && !known[url]?.modelOptional) throw Refusal.missing("model");
  if (body.model !== undefined && typeof body.model !== "string")
    throw Refusal.type("model", "a string", body.model);
  if (body.stream !== undefined && body.stream !== null && body.stream !== false) {
    if (body.stream !== true) throw Refusal.type("stream", "a boolean", body.stream);
    throw new Refusal(
      400,
      `Unsupported value: 'stream' is not supported by ${model}.`,
      "stream",
      "unsupported_value",
    );
  }
  if (body.model !== undefined && body.model !== model) {
    const message = `The model '${body.model}' does not exist or you do not have access to it.`;
    throw new Refusal(404, message, null, "model_not_found");
  }
  return body;
}

const NOT_JSON =
  "Invalid body: failed to parse JSON value. Please check the value to ensure it is valid JSON. (Common errors " +
  "include trailing commas, missing closing brackets, missing quotation marks, etc.)";
