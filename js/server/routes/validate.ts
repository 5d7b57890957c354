/** POST /v1/batches/validate: what a batch over a file would say of it, without a batch. */

import { ApiError, InvalidRequestError } from "../../core/errors.ts";
import { inputTokens } from "../../core/estimate.ts";
import { FirstLine } from "../../core/first-line.ts";
import { defaults } from "../../core/rules.ts";
import { type Estimate, runSeconds } from "../estimate.ts";
import { type Call, jsonObject, refused, tooLarge } from "../http.ts";
import { Incoming } from "../incoming.ts";
import { checkNames } from "../params.ts";
import { LostObjectError, readSegments } from "../stored-bytes.ts";
import type { StoredFile } from "../tenant/types.ts";
import { failed } from "../upstreams/failed.ts";
import { checkInput, checkParameters, ModelsUnknownError, type Source } from "../validation.ts";

/** Types of a body that is the file itself. */
const FILE_TYPES = ["application/jsonl", "application/x-ndjson", "text/plain", "application/octet-stream"];
/** Of a body that does not say how long it is, as much is read ahead. */
const MOST_AHEAD = 8 * 1024 * 1024;

export async function validate(c: Call): Promise<Response> {
  const [type = ""] = (c.req.header("content-type") ?? "").split(";");
  try {
    switch (kindOf(type.trim().toLowerCase())) {
      case "json":
        return await validateStored(c);
      case "file":
        return await validateBody(c);
      default:
        throw unsupported(type.trim());
    }
  } catch (error) {
    if (error instanceof ModelsUnknownError) return failed(503, `${error.message} Please try again later.`);
    throw error;
  }
}

function kindOf(type: string): "json" | "file" | undefined {
  if (type === "application/json") return "json";
  return FILE_TYPES.includes(type) ? "file" : undefined;
}

function unsupported(type: string): ApiError {
  const taken = FILE_TYPES.map((each) => `'${each}'`).join(", ");
  return new ApiError({
    ...{ status: 415, type: "invalid_request_error", param: null, code: "unsupported_content_type" },
    message: `Unsupported content type: '${type.slice(0, 100)}'. Send 'application/json' with 'input_file_id' and 'endpoint', or the file itself as one of ${taken}.`,
  });
}

async function validateStored(c: Call): Promise<Response> {
  const body = await jsonObject(c);
  checkNames(body, ["input_file_id", "endpoint", "edgebatch"]);
  const own = body.edgebatch;
  // Of another type it is refused with the other parameters.
  if (typeof own === "object" && own !== null && !Array.isArray(own))
    checkNames({ ...own }, ["split"], "edgebatch.");
  await checkParameters(c.env.service(c.var.tenantName), body);
  const { input_file_id: id, endpoint, edgebatch } = body as unknown as StoredInput;
  const stored = await inputFile(c, id);
  const { segments = [] } = stored ?? {};
  return answer(
    c,
    { id, endpoint, split: edgebatch?.split === true, bytes: stored?.file.bytes ?? 0 },
    {
      id,
      bytes: stored?.file.bytes ?? null,
      async read(offset, length) {
        const bytes = await readSegments(c.env.blobs, segments, offset, length);
        if (bytes === null) throw new LostObjectError("an object that holds some of it is gone");
        return bytes;
      },
    },
  );
}

/** What is said of a file that was uploaded, once it is checked. */
interface StoredInput {
  input_file_id: string;
  endpoint: string;
  edgebatch?: { split?: boolean | null } | null;
}

/** Null where no batch would find it. */
async function inputFile(c: Call, id: string): Promise<StoredFile | null> {
  const found = await c.var.tenant.getFile(id).catch((error) => {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  });
  return found?.file.purpose === "batch" ? found : null;
}

async function validateBody(c: Call): Promise<Response> {
  const most = c.env.settings().maxFileBytes;
  const length = lengthOf(c.req.header("content-length"));
  if (length !== undefined && length > most) throw tooLarge(most);
  const service = c.env.service(c.var.tenantName);
  const named = c.req.query("endpoint");
  const split = flag("split", c.req.query("split"));
  const own = split && { edgebatch: { split } };
  if (named) await checkParameters(service, { input_file_id: "body", endpoint: named, ...own });
  const body = new Incoming(c.req.raw.body, most, () => tooLarge(most));
  try {
    const endpoint = named || (await endpointOf(body, service.limits?.maxLineBytes));
    if (!named) await checkParameters(service, { input_file_id: "body", endpoint, ...own });
    const bytes = length ?? (await wholeLength(body));
    return await answer(
      c,
      { id: null, endpoint, split, bytes },
      {
        id: "body",
        bytes,
        async read(_, length) {
          const piece = await body.read(length);
          if (piece.length === 0) throw new InvalidRequestError("The request body is shorter than it says.");
          return piece;
        },
      },
    );
  } finally {
    body.release();
  }
}

/** @throws InvalidRequestError */
function flag(param: string, value = "false"): boolean {
  if (value === "true" || value === "false") return value === "true";
  throw new InvalidRequestError(
    `Invalid value: '${value.slice(0, 100)}'. Supported values are: 'true' and 'false'.`,
    { param, code: "invalid_value" },
  );
}

function lengthOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d+$/.test(header) ? Number(header) : undefined;
}

/** The endpoint that the first line is for. */
async function endpointOf(body: Incoming, maxLineBytes = defaults.limits.maxLineBytes): Promise<string> {
  const line = new FirstLine(maxLineBytes);
  for (let more = true; more; ) {
    const piece = await body.look();
    more = piece !== undefined && line.push(piece);
  }
  return line.endpoint();
}

/** How long a body is that does not say so: the core is told before it reads. */
async function wholeLength(body: Incoming): Promise<number> {
  while (body.came <= MOST_AHEAD) if ((await body.look()) === undefined) return body.came;
  // Not every client, nor every proxy, sees an answer before it has sent everything.
  await body.skip();
  throw refused(
    411,
    `The request body is larger than ${MOST_AHEAD} bytes, and has no Content-Length. Send one, or upload the file and name it by 'input_file_id'.`,
  );
}

interface Asked {
  /** Of a file that was uploaded. */
  id: string | null;
  endpoint: string;
  /** Whether the batch would split it. */
  split: boolean;
  bytes: number;
}

async function answer(c: Call, { id, endpoint, split, bytes }: Asked, source: Source): Promise<Response> {
  const service = c.env.service(c.var.tenantName);
  const { report, statistics } = await checkInput(service, source, { endpoint, split });
  const { errors, errorCount, requestCount: total, validCount } = report;
  const valid = errorCount === 0;
  const pace = (model: string | undefined) => c.env.upstreams.pace(model);
  const estimate: Estimate = {
    input_tokens: inputTokens(total, bytes),
    // A batch with errors does not run.
    seconds: valid ? runSeconds(total, statistics, pace) : null,
  };
  return c.json({
    ...{ object: "batch.validation", valid, input_file_id: id, endpoint },
    ...{ errors: { object: "list", data: errors }, error_count: errorCount },
    request_counts: { total, valid: validCount },
    ...{ models: statistics.models, other_models: statistics.otherModels, bytes, estimate },
  });
}
