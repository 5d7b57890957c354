/** The Worker, and beside it the rival of `benches/runner.ts`: a Durable Object with a plain loop in it. */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectNamespace, Env } from "../../js/worker/env.ts";
import worker from "../../js/worker/index.ts";

export { Lane, Runner, Tenant } from "../../js/worker/index.ts";

interface LoopRpc {
  run(url: string, input: string, inFlight: number): Promise<number>;
}

/** Requests in a write, as the Runner has them. */
const GROUP = 64;

/**
 * What one writes without a library: reads lines, asks with `fetch`, a number at a time, and keeps answers in groups. No check,
 * no retry, no order, no usage, no files.
 */
export class Loop extends DurableObject implements LoopRpc {
  async run(url: string, input: string, inFlight: number): Promise<number> {
    const { sql } = this.ctx.storage;
    sql.exec("CREATE TABLE IF NOT EXISTS results (id INTEGER PRIMARY KEY, lines TEXT NOT NULL)");
    const lines = input.split("\n").filter((line) => line !== "");
    let next = 0;
    let group: string[] = [];
    const write = () => {
      sql.exec("INSERT INTO results (lines) VALUES (?)", group.join("\n"));
      group = [];
    };
    const lane = async () => {
      while (next < lines.length) {
        const { custom_id, body } = JSON.parse(lines[next++] as string);
        const response = await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        });
        const answer = { status_code: response.status, body: await response.json() };
        group.push(JSON.stringify({ custom_id, response: answer }));
        if (group.length === GROUP) write();
      }
    };
    const start = Date.now();
    await Promise.all(Array.from({ length: inFlight }, lane));
    write();
    return Date.now() - start;
  }
}

export default {
  ...worker,
  async fetch(request: Request, env: Env & { LOOPS: unknown }, ctx: never): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/loop") return worker.fetch(request, env, ctx);
    const loop = (env.LOOPS as DurableObjectNamespace<LoopRpc>).getByName("loop");
    const url = searchParams.get("url") as string;
    return Response.json(await loop.run(url, await request.text(), Number(searchParams.get("inFlight"))));
  },
};
