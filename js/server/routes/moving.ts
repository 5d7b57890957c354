/** /v1/batches/{id}/export and /v1/batches/import: a batch on its way to another host. */

import { InvalidRequestError } from "../../core/errors.ts";
import { missing } from "../../core/texts.ts";
import { type Call, jsonObject } from "../http.ts";
import { log } from "../log.ts";
import { movesOf } from "../moves.ts";
import { checkNames } from "../params.ts";

/** The type of an exported batch. */
export const EXPORT_TYPE = "application/vnd.edgebatch.batch";

export async function exportBatch(c: Call, id: string): Promise<Response> {
  const stream = await movesOf(c).exportBatch(id);
  log("batch.exported", { tenant: c.var.tenantName, batch: id });
  const name = `attachment; filename="${id}.edgebatch"`;
  return new Response(stream, { headers: { "content-type": EXPORT_TYPE, "content-disposition": name } });
}

export async function settleExport(c: Call, id: string): Promise<Response> {
  const body = await jsonObject(c);
  checkNames(body, ["fence"]);
  if (body.fence === undefined) {
    const { message, ...fields } = missing("fence");
    throw new InvalidRequestError(message, fields);
  }
  const batch = await movesOf(c).settleExport(id, body.fence as string);
  log("batch.moved", { tenant: c.var.tenantName, batch: id });
  return c.json(batch);
}

export async function abortExport(c: Call, id: string): Promise<Response> {
  const body = await jsonObject(c, "or nothing");
  checkNames(body, ["force"]);
  const batch = await movesOf(c).abortExport(id, body as { force: true });
  log("batch.taken_back", { tenant: c.var.tenantName, batch: id });
  return c.json(batch);
}

export async function importBatch(c: Call): Promise<Response> {
  await c.var.tenant.moveRoom();
  const imported = await movesOf(c).importBatch(c.req.raw.body ?? new ReadableStream());
  log("batch.imported", { tenant: c.var.tenantName, batch: imported.batch.id });
  if (c.env.exchange) c.env.exchange.batch = imported.batch.id;
  return c.json(imported);
}
