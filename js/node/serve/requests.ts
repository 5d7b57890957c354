/** HTTP requests as they are answered on Node: measured, and a line of the log for each where that is asked for. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { isLogged, logDebug } from "../../server/log.ts";
import type { Tracer } from "../../server/observe/calls.ts";
import type { Meters } from "../../server/observe/meters.ts";
import { parseTraceparent } from "../../server/observe/trace.ts";
import type { Exchange } from "../../server/ports.ts";

/** Follows one request to the end of its answer. What the app knows of it is written into what this gives. */
export function follow(
  { meters, tracer }: { meters: Meters; tracer: Tracer },
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Exchange {
  const exchange: Exchange = {};
  const started = performance.now();
  const { socket } = incoming;
  const before = socket.bytesWritten;
  outgoing.once("close", () => {
    const { method = "", headers } = incoming;
    const { requestId, tenant, batch, route = "other" } = exchange;
    const ms = performance.now() - started;
    // A caller that left before it was answered; nginx and others call it so.
    const status = outgoing.headersSent ? outgoing.statusCode : 499;
    meters.http({ method, route, status, seconds: ms / 1_000 });
    const caller = parseTraceparent(headers.traceparent as string | undefined);
    if (batch !== undefined && caller) tracer.batchCreated(batch, caller);
    if (!isLogged("debug")) return;
    // Bun counts some of them.
    const bytes = "Bun" in globalThis ? Number.NaN : socket.bytesWritten - before;
    logDebug("http.request", {
      ...(requestId !== undefined && { request: requestId }),
      ...(tenant !== undefined && { tenant }),
      ...(batch !== undefined && { batch }),
      ...(caller && { trace: caller.traceId }),
      ...{ method, route, status, ms: Math.round(ms * 10) / 10 },
      bytes: Number.isFinite(bytes) ? bytes : null,
    });
  });
  return exchange;
}
