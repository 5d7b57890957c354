/** /v1/models */

import { Hono } from "hono";
import { ApiError } from "../../core/errors.ts";
import type { HonoEnv } from "../http.ts";

export const modelRoutes = new Hono<HonoEnv>();

modelRoutes.get("/", (c) => {
  const data = c.env.settings().models.map(model);
  return c.json({ object: "list", data });
});

modelRoutes.get("/:id", (c) => {
  const id = c.req.param("id");
  if (c.env.settings().models.includes(id)) return c.json(model(id));
  throw new ApiError({
    ...{ status: 404, type: "invalid_request_error", param: "model", code: "model_not_found" },
    message: `The model '${id}' does not exist`,
  });
});

function model(id: string) {
  return { id, object: "model", created: 0, owned_by: id === "echo-1" ? "edgebatch" : "upstream" };
}
