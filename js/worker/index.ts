/** The Worker: OpenAI's /v1/files, /v1/uploads, /v1/batches and /v1/models. */

import { Hono } from "hono";
import { ApiError } from "../core/errors.ts";
import { ANONYMOUS, authenticate, hasKeys, refuseOtherOrigins, tenantNames } from "../server/auth.ts";
import { errorResponse, type HonoEnv, internalError } from "../server/http.ts";
import { newId } from "../server/ids.ts";
import { logError } from "../server/log.ts";
import { batchRoutes } from "../server/routes/batches.ts";
import { fileRoutes } from "../server/routes/files.ts";
import { uploadRoutes } from "../server/routes/uploads.ts";
import type { Env, ExecutionContext } from "./env.ts";
import { checkSettings, modelNames, SettingError } from "./settings.ts";

export { Tenant } from "../server/tenant/service.ts";
export { Runner } from "./runner-object.ts";

/** Strict would tell /v1/files/ from /v1/files. */
const app = new Hono<HonoEnv>({ strict: false });

app.use(async (c, next) => {
  const started = Date.now();
  c.set("requestId", newId("req_"));
  if (c.req.method === "OPTIONS") c.res = new Response(null, { status: 204 });
  else await next();
  const { headers } = c.res;
  headers.set("x-request-id", c.var.requestId);
  headers.set("openai-version", "2020-10-01");
  headers.set("openai-processing-ms", String(Date.now() - started));
  headers.set("x-content-type-options", "nosniff");
  // There are no cookies: with a key any page may call, without one none but our own.
  if (!hasKeys(c.env) || c.var.tenantName === ANONYMOUS) return;
  headers.set("access-control-allow-origin", "*");
  headers.set(
    "access-control-expose-headers",
    "x-request-id, x-should-retry, retry-after, retry-after-ms, content-disposition, content-range, accept-ranges, etag",
  );
  if (c.req.method === "OPTIONS") {
    headers.set("access-control-allow-methods", "GET, HEAD, POST, DELETE, OPTIONS");
    // `*` does not cover authorization; the rest is whatever the SDKs send, x-stainless-* and all.
    headers.set(
      "access-control-allow-headers",
      c.req.header("access-control-request-headers") ?? "authorization, *",
    );
    headers.set("access-control-max-age", "86400");
  }
});

app.get("/health", (c) => c.json({ status: "ok" }));

app.use("/v1/*", async (c, next) => {
  const tenantName = await authenticate(c.req.raw.headers, c.env);
  checkSettings(c.env);
  c.set("tenantName", tenantName);
  if (tenantName === ANONYMOUS) refuseOtherOrigins(c.req.raw);
  c.set("tenant", c.env.TENANTS.getByName(tenantName));
  await next();
});

app.route("/v1/batches", batchRoutes);
app.route("/v1/files", fileRoutes);
app.route("/v1/uploads", uploadRoutes);

app.get("/v1/models", (c) => {
  const data = modelNames(c.env).map(model);
  return c.json({ object: "list", data });
});

app.get("/v1/models/:id", (c) => {
  const id = c.req.param("id");
  if (modelNames(c.env).includes(id)) return c.json(model(id));
  throw new ApiError({
    ...{ status: 404, type: "invalid_request_error", param: "model", code: "model_not_found" },
    message: `The model '${id}' does not exist`,
  });
});

/** What each path takes: any other method is told so. */
const methods: [path: string, allowed: string][] = [
  ["/v1/batches", "GET, POST"],
  ["/v1/batches/:id", "GET"],
  ["/v1/batches/:id/cancel", "POST"],
  ["/v1/files", "GET, POST"],
  ["/v1/files/:id", "GET, DELETE"],
  ["/v1/files/:id/content", "GET"],
  ["/v1/uploads", "POST"],
  ["/v1/uploads/:id/parts", "POST"],
  ["/v1/uploads/:id/complete", "POST"],
  ["/v1/uploads/:id/cancel", "POST"],
  ["/v1/models", "GET"],
  ["/v1/models/:id", "GET"],
  ["/health", "GET"],
];
for (const [path, allow] of methods) {
  app.all(path, (c) => {
    const message = `Not allowed to ${c.req.method} on ${c.req.path}.`;
    return errorResponse(refused(405, message), { allow });
  });
}

app.notFound((c) => errorResponse(refused(404, `Invalid URL (${c.req.method} ${c.req.path})`)));

app.onError((error, c) => {
  if (error instanceof ApiError && error.status < 500) {
    return errorResponse(
      error,
      error.status === 401 ? { "www-authenticate": 'Bearer realm="OpenAI API"' } : {},
    );
  }
  const { requestId } = c.var;
  logError("request.failed", error, { request: requestId, method: c.req.method });
  if (error instanceof SettingError) {
    const { message } = error;
    const fault = new ApiError({ status: 500, type: "server_error", message, param: null, code: null });
    return errorResponse(fault, { "x-should-retry": "false" });
  }
  return errorResponse(internalError(requestId));
});

function refused(status: number, message: string): ApiError {
  return new ApiError({ status, type: "invalid_request_error", message, param: null, code: null });
}

function model(id: string) {
  return { id, object: "model", created: 0, owned_by: id === "echo-1" ? "edgebatch" : "upstream" };
}

export default {
  fetch: app.fetch,

  /** Every minute: a tenant looks after its batches by itself; this is for the one whose alarm was lost. */
  async scheduled(_event: unknown, env: Env, ctx: ExecutionContext): Promise<void> {
    for (const name of tenantNames(env)) {
      const watched = env.TENANTS.getByName(name).watch();
      ctx.waitUntil(watched.catch((error) => logError("tenant.watch", error, { tenant: name })));
    }
  },
};
