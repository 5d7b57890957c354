/** /v1/batches */

import { Hono } from "hono";
import { ApiError, InvalidRequestError } from "../../core/errors.ts";
import { type Call, type HonoEnv, jsonObject, notAllowed } from "../http.ts";
import { checkLength, checkNames, expirySeconds, limitOf } from "../params.ts";
import { abortExport, exportBatch, importBatch, settleExport } from "./moving.ts";
import { results } from "./results.ts";
import { validate } from "./validate.ts";

const PARAMETERS = [
  "input_file_id",
  "endpoint",
  "completion_window",
  "metadata",
  "output_expires_after",
  "idempotency_key",
  "edgebatch",
];

export const batchRoutes = new Hono<HonoEnv>();

batchRoutes.get("/", async (c) => {
  const [after, limit] = [c.req.query("after"), limitOf(c.req.query("limit"))];
  const query = { ...(after && { after }), ...(limit !== undefined && { limit }) };
  return c.json(await c.var.tenant.listBatches(query));
});

batchRoutes.post("/", async (c) => {
  const body = await jsonObject(c);
  return inDialect(c, async () => {
    checkNames(body, PARAMETERS);
    const outputSeconds = expirySeconds("output_expires_after", body.output_expires_after);
    const key = body.idempotency_key ?? c.req.header("idempotency-key");
    checkLength("input_file_id", body.input_file_id);
    checkLength("idempotency_key", key);
    const params = { ...body, ...(key !== undefined && { idempotency_key: key }) };
    const batch = await c.var.tenant.createBatch(params, outputSeconds);
    if (c.env.exchange) c.env.exchange.batch = batch.id;
    return c.json(batch);
  });
});

batchRoutes.post("/validate", (c) => inDialect(c, () => validate(c)));
// Its other methods would be those of a batch of this name.
batchRoutes.all("/validate", (c) => notAllowed(c, "POST"));

batchRoutes.post("/import", importBatch);
batchRoutes.all("/import", (c) => notAllowed(c, "POST"));

batchRoutes.post("/:id/export", (c) => exportBatch(c, c.req.param("id")));

batchRoutes.post("/:id/export/settle", (c) => settleExport(c, c.req.param("id")));

batchRoutes.post("/:id/export/abort", (c) => abortExport(c, c.req.param("id")));

batchRoutes.get("/:id", async (c) => c.json(await c.var.tenant.retrieveBatch(c.req.param("id"))));

batchRoutes.get("/:id/results", (c) => results(c, c.req.param("id")));

batchRoutes.get("/:id/manifest", async (c) => c.json(await c.var.tenant.batchManifest(c.req.param("id"))));

batchRoutes.post("/:id/pause", async (c) => c.json(await c.var.tenant.pauseBatch(c.req.param("id"))));

batchRoutes.post("/:id/resume", async (c) => c.json(await c.var.tenant.resumeBatch(c.req.param("id"))));

batchRoutes.post("/:id/cancel", async (c) => c.json(await c.var.tenant.cancelBatch(c.req.param("id"))));

/** Runs a call; what it refuses is said in the words of the server's dialect. */
async function inDialect(c: Call, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof InvalidRequestError) || c.env.settings().dialect !== "reference") throw error;
    const { status, type, param, code, message } = error;
    throw new ApiError({ status, type, param, code, message: `Invalid value: ${message}` });
  }
}
