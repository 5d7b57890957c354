/** /v1/batches/{id}/results: finished lines, a page at a time, or as they come. */

import { accepts } from "hono/accepts";
import type { BatchResults } from "../../core/types.ts";
import type { Call } from "../http.ts";
import { limitOf } from "../params.ts";
import { DONE, eventStream } from "../result-events.ts";

const LINES = "application/x-ndjson";
const EVENTS = "text/event-stream";

/** A page of results, or events for as long as the batch runs. */
export async function results(c: Call, id: string): Promise<Response> {
  const supports = [LINES, EVENTS];
  const wanted = accepts(c, { header: "Accept", supports, default: LINES });
  return wanted === EVENTS ? events(c, id) : page(c, id);
}

async function page(c: Call, id: string): Promise<Response> {
  const [after, limit] = [c.req.query("after"), limitOf(c.req.query("limit"))];
  const found = await c.var.tenant.batchResults(id, {
    ...(after && { after }),
    ...(limit !== undefined && { limit }),
  });
  return new Response(found.lines as Uint8Array<ArrayBuffer>, {
    headers: { "content-type": LINES, "cache-control": "no-store", ...placeOf(found) },
  });
}

/** Where the page ends, under the names that Doubleword gave these headers. */
function placeOf({ last, incomplete }: BatchResults): Record<string, string> {
  return { "x-last-line": last, "x-incomplete": String(incomplete) };
}

async function events(c: Call, id: string): Promise<Response> {
  // An `EventSource` that comes again asks at the address that it was first given.
  const after = c.req.header("last-event-id") || c.req.query("after");
  // Nothing more will come: no stream, which ends the coming again.
  if (after?.endsWith(DONE)) return new Response(null, { status: 204 });
  const { tenant } = c.var;
  const first = await tenant.batchResults(id, { ...(after && { after }), limit: 1 });
  const stream = eventStream({ tenant, id, from: first.from });
  // The last one tells proxies that they are not to gather them.
  const headers = { "content-type": EVENTS, "cache-control": "no-store", "x-accel-buffering": "no" };
  return new Response(stream, { headers });
}
