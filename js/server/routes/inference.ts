/**
 * The endpoints that answer at once: passed on to a model server, and their answers back, byte for byte.
 *
 * To know which server has a call's model its body has to be read. JSON is read whole, with the platform's own reader, and then
 * sent as it came: a body is as long as a line of a batch may be, and a scanner of our own in front of it would be a second
 * rule of what JSON is. Where there is one server, which takes any model, nothing is looked at: bodies go through as streams.
 */

import { Hono } from "hono";
import { ApiError, InvalidRequestError } from "../../core/errors.ts";
import { endpoints } from "../../core/rules.ts";
import { mayName } from "../auth.ts";
import { type Call, type HonoEnv, tooLarge } from "../http.ts";
import { bounded, readWhole } from "../upstreams/bytes.ts";

/** Images and sounds come in forms. */
const MOST_FORM_BYTES = 64 * 1024 * 1024;
/** A body that says that it is no longer is sent in one piece, with its length: some servers take no other. */
const SMALL_BYTES = 1024 * 1024;

export const inferenceRoutes = new Hono<HonoEnv>();

for (const path of Object.keys(endpoints)) {
  inferenceRoutes.post(path.replace(/^\/v1/, ""), (c) => pass(c, path));
}

async function pass(c: Call, path: string): Promise<Response> {
  const { upstreams } = c.env;
  const { headers, body: given, signal } = c.req.raw;
  const tenant = c.var.tenantName;
  const isForm = /^multipart\//i.test(headers.get("content-type") ?? "");
  const most = isForm ? MOST_FORM_BYTES : c.env.settings().maxLineBytes;
  const length = Number(headers.get("content-length") ?? Number.NaN);
  if (length > most) throw tooLarge(most);
  const { keyModels } = c.var;
  const mustKnow = upstreams.mustKnowModel || keyModels !== undefined;
  const call = { path, tenant, headers, signal };
  if (!mustKnow && given !== null && !(length <= SMALL_BYTES)) {
    const broken = new AbortController();
    const body = bounded(given, most, (why) => broken.abort(why));
    const either = AbortSignal.any([signal, broken.signal]);
    const answer = await upstreams.pass({ ...call, model: undefined, body, signal: either });
    if (broken.signal.reason === "too long") throw tooLarge(most);
    return answer;
  }
  const body = await readWhole(given, most);
  if (body === undefined) throw tooLarge(most);
  if (!mustKnow) return upstreams.pass({ ...call, model: undefined, body });
  const model = isForm ? await modelOfForm(headers, body) : modelOfJson(body);
  if (model === undefined) {
    // Whatever a server would take instead may be none of those that the key is for.
    if (!endpoints[path]?.modelOptional || keyModels !== undefined) throw missingModel();
    return upstreams.pass({ ...call, model, body });
  }
  if (!mayName(keyModels, model) || !(await upstreams.models().has(model))) throw unknownModel(model);
  return upstreams.pass({ ...call, model, body });
}

/** @throws InvalidRequestError for a body that is no JSON object, or whose model is no text */
function modelOfJson(body: Uint8Array): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidRequestError(
      "We could not parse the JSON body of your request. The model server's API expects a JSON object.",
    );
  }
  return checked((value as { model?: unknown }).model);
}

async function modelOfForm(headers: Headers, body: Uint8Array): Promise<string | undefined> {
  const type = headers.get("content-type") as string;
  const form = new Response(body as Uint8Array<ArrayBuffer>, { headers: { "content-type": type } });
  const fields = await form.formData().catch(() => {
    throw new InvalidRequestError("We could not parse the form of your request.");
  });
  return checked(fields.get("model") ?? undefined);
}

function checked(model: unknown): string | undefined {
  if (model === undefined || (typeof model === "string" && model !== "")) return model;
  throw new InvalidRequestError("Invalid type for 'model': expected a string.", {
    ...{ param: "model", code: "invalid_type" },
  });
}

function missingModel(): ApiError {
  return new InvalidRequestError("you must provide a model parameter");
}

/** As OpenAI says it, of models that are not there and of those that a key may not use. */
function unknownModel(model: string): ApiError {
  return new ApiError({
    ...{ status: 404, type: "invalid_request_error", param: null, code: "model_not_found" },
    message: `The model \`${model}\` does not exist or you do not have access to it.`,
  });
}
