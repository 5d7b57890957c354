/** /v1/models */

import { Hono } from "hono";
import { ApiError } from "../../core/errors.ts";
import { mayName } from "../auth.ts";
import type { Call, HonoEnv } from "../http.ts";
import { failed } from "../upstreams/failed.ts";
import type { WireModel } from "../upstreams/types.ts";

export const modelRoutes = new Hono<HonoEnv>();

modelRoutes.get("/", async (c) => {
  const data = await offered(c);
  return data ? c.json({ object: "list", data }) : unknown(c);
});

// Names of models have slashes, which not every client escapes.
modelRoutes.get("/:id{.+}", async (c) => {
  const id = c.req.param("id");
  const models = await offered(c);
  if (!models) return unknown(c);
  const found = models.find((model) => model.id === id);
  if (found) return c.json(found);
  throw new ApiError({
    ...{ status: 404, type: "invalid_request_error", param: "model", code: "model_not_found" },
    message: `The model '${id}' does not exist`,
  });
});

/** What there is for the caller's key. */
async function offered(c: Call): Promise<WireModel[] | undefined> {
  const models = await c.env.upstreams.list();
  return models?.filter(({ id }) => mayName(c.var.keyModels, id));
}

function unknown(c: Call): Response {
  return failed(503, c.env.upstreams.silence);
}
