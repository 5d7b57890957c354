/** /v1/edgebatch: what is asked by the operator of a server, whose key is none of a tenant's. */

import { Hono } from "hono";
import { authenticateOperator } from "../auth.ts";
import { stateOf } from "../drain.ts";
import type { HonoEnv } from "../http.ts";
import { log } from "../log.ts";

export const operatorRoutes = new Hono<HonoEnv>();

operatorRoutes.use("/*", async (c, next) => {
  await authenticateOperator(c.req.raw, c.env.keys, c.env.operator);
  await next();
});

operatorRoutes.get("/drain", async (c) => c.json(await stateOf(c.env.draining)));

for (const asked of ["drain", "undrain"] as const) {
  operatorRoutes.post(`/${asked}`, async (c) => {
    await c.env.draining.set(asked === "drain");
    const drain = await stateOf(c.env.draining);
    log(`server.${asked}`, { batches_in_flight: drain.batches_in_flight });
    return c.json(drain);
  });
}
