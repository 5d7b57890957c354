/** /v1/models */

import { Hono } from "hono";
import { ApiError } from "../../core/errors.ts";
import { mayName } from "../auth.ts";
import type { HonoEnv } from "../http.ts";

export const modelRoutes = new Hono<HonoEnv>();

modelRoutes.get("/", async (c) => {
  const data = (await c.env.upstreams.list()).filter(({ id }) => mayName(c.var.keyModels, id));
  return c.json({ object: "list", data });
});

// Names of models have slashes, which not every client escapes.
modelRoutes.get("/:id{.+}", async (c) => {
  const id = c.req.param("id");
  const found = (await c.env.upstreams.list()).find((model) => model.id === id);
  if (found && mayName(c.var.keyModels, id)) return c.json(found);
  throw new ApiError({
    ...{ status: 404, type: "invalid_request_error", param: "model", code: "model_not_found" },
    message: `The model '${id}' does not exist`,
  });
});
