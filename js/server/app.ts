/** OpenAI's /v1/files, /v1/uploads, /v1/batches, /v1/models and what answers at once, over what a platform supplies. */

import { Hono } from "hono";
import { routePath } from "hono/route";
import { ANONYMOUS, authenticate, hasKeys, refuseOtherOrigins } from "./auth.ts";
import { type Call, errorResponse, failure, type HonoEnv, notAllowed, refused } from "./http.ts";
import { newId } from "./ids.ts";
import { rateHeaders, tooMany } from "./rate.ts";
import { batchRoutes } from "./routes/batches.ts";
import { fileRoutes } from "./routes/files.ts";
import { inferenceRoutes } from "./routes/inference.ts";
import { modelRoutes } from "./routes/models.ts";
import { operatorRoutes } from "./routes/operator.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import { webhookRoutes } from "./routes/webhooks.ts";

/** What answers requests: `app.fetch(request, ports)`. Strict would tell /v1/files/ from /v1/files. */
export const app = new Hono<HonoEnv>({ strict: false });

app.use(async (c, next) => {
  const started = Date.now();
  c.set("requestId", newId("req_"));
  if (c.req.method === "OPTIONS") c.res = new Response(null, { status: 204 });
  else await next();
  // An answer that was passed on has what its model server says.
  setIfNone(c, "openai-processing-ms", String(Date.now() - started));
  setHeaders(c);
  const { exchange } = c.env;
  if (exchange) {
    const { requestId, tenantName: tenant } = c.var;
    Object.assign(exchange, { requestId, tenant, route: routePath(c, -1) });
  }
});

app.get("/health", (c) => c.json({ status: "ok" }));

// Calls are taken while it drains: batches wait.
app.get("/ready", async (c) =>
  c.json({ status: (await c.env.draining.since()) !== null ? "draining" : "ready" }),
);

// Before the tenants' keys are asked for: the operator's is none of theirs.
app.route("/v1/edgebatch", operatorRoutes);

app.use("/v1/*", async (c, next) => {
  const { name: tenantName, models } = await authenticate(c.req.raw.headers, c.env.keys);
  const { requestsPerMinute } = c.env.settings();
  c.set("tenantName", tenantName);
  c.set("keyModels", models);
  if (tenantName === ANONYMOUS) refuseOtherOrigins(c.req.raw, c.env.keys);
  const tenant = c.env.tenant(tenantName);
  c.set("tenant", tenant);
  if (Number.isFinite(requestsPerMinute)) {
    const allowance = await tenant.takeCall(requestsPerMinute);
    c.set("allowance", allowance);
    if (!allowance.granted) throw tooMany(allowance);
  }
  await next();
});

app.route("/v1/batches", batchRoutes);
app.route("/v1/files", fileRoutes);
app.route("/v1/uploads", uploadRoutes);
app.route("/v1/models", modelRoutes);
app.route("/v1", webhookRoutes);
app.route("/v1", inferenceRoutes);

for (const [path, allow] of methodsOf(app.routes)) {
  app.all(path, (c) => notAllowed(c, allow));
}
app.notFound((c) => errorResponse(refused(404, `Invalid URL (${c.req.method} ${c.req.path})`)));
app.onError(failure);

/** What each path takes, for those who call it by another method. */
export function methodsOf(routes: { method: string; path: string }[]): [path: string, allowed: string][] {
  const methods = new Map<string, Set<string>>();
  for (const { method, path } of routes) {
    // Of middleware, which lets every method through.
    if (method === "ALL") continue;
    methods.set(path, (methods.get(path) ?? new Set()).add(method));
  }
  return [...methods].map(([path, allowed]) => [path, [...allowed].join(", ")]);
}

/** What pages of other origins may read. */
const EXPOSED =
  "x-request-id, x-should-retry, retry-after, retry-after-ms, x-ratelimit-limit-requests, " +
  "x-ratelimit-remaining-requests, x-ratelimit-reset-requests, content-disposition, content-range, accept-ranges, etag, " +
  "x-last-line, x-incomplete";

function setIfNone(c: Call, name: string, value: string): void {
  if (!c.res.headers.has(name)) c.res.headers.set(name, value);
}

function setHeaders(c: Call): void {
  const { headers } = c.res;
  setIfNone(c, "x-request-id", c.var.requestId);
  setIfNone(c, "openai-version", "2020-10-01");
  headers.set("x-content-type-options", "nosniff");
  for (const [name, value] of c.var.allowance ? rateHeaders(c.var.allowance) : []) headers.set(name, value);
  // There are no cookies: with a key any page may call, without one none but our own.
  if (!hasKeys(c.env.keys) || c.var.tenantName === ANONYMOUS) return;
  headers.set("access-control-allow-origin", "*");
  headers.set("access-control-expose-headers", EXPOSED);
  if (c.req.method !== "OPTIONS") return;
  headers.set("access-control-allow-methods", "GET, HEAD, POST, DELETE, OPTIONS");
  // `*` does not cover authorization; the rest is whatever the SDKs send, x-stainless-* and all.
  headers.set(
    "access-control-allow-headers",
    c.req.header("access-control-request-headers") ?? "authorization, *",
  );
  headers.set("access-control-max-age", "86400");
}
