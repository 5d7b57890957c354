/** Servers in processes of their own over one Postgres and one S3, in front of a model server of the test. */

import { strict as assert } from "node:assert";
import type { TestContext } from "node:test";
import { type Serving, serving } from "../node/serving.ts";
import { ended, linesOf } from "../server/suite/batches.ts";
import { slowly, startUpstream, type Upstream } from "../server/suite/upstream.ts";
import { credentials } from "./s3.ts";
import { postgres, s3 } from "./servers.ts";

export const env = {
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
};
/** Requests of one batch in flight, and results that are stored together. */
export const LANES = 10;
const UNSAVED = 64;

/** Options that name a state which nobody else has. */
export async function freshState(): Promise<string[]> {
  const store = await (await postgres()).database();
  const server = await s3();
  const { name } = await server.bucket();
  return ["--store", store, "--files", `s3://${name}/some/where?endpoint=${server.endpoint}`];
}

export interface Together {
  servers: Serving[];
  upstream: Upstream;
  /** How long an answer takes from now on. */
  pace: { latencyMs: number };
  /** One more server over the same state. */
  start(...args: string[]): Promise<Serving>;
  /** Waits for a batch: every line once, in order, and none asked again but what was in flight, or not stored, at a fault. */
  whole(server: Serving, id: string, count: number, faults: number): Promise<void>;
}

export async function together(
  t: TestContext,
  count: number,
  args: string[] = [],
  latencyMs = 20,
): Promise<Together> {
  const pace = { latencyMs };
  const upstream = await startUpstream((...call) => slowly(pace.latencyMs)(...call));
  const state = await freshState();
  const all: Serving[] = [];
  const start = async (...more: string[]) => {
    const options = ["--url", `${upstream.url}/v1`, "--concurrency", `${LANES}`, ...args, ...more];
    const server = await serving([...state, ...options], env);
    all.push(server);
    return server;
  };
  t.after(async () => {
    await Promise.all(all.map((server) => server.end("SIGKILL")));
    await upstream.close();
  });
  const servers = await Promise.all(Array.from({ length: count }, () => start()));
  return {
    ...{ servers, upstream, pace, start },
    async whole(server, id, count, faults) {
      const batch = await ended(server.client(), id, 60_000);
      assert.equal(batch.status, "completed", JSON.stringify(batch));
      assert.deepEqual(batch.request_counts, { total: count, completed: count, failed: 0 });
      const lines = await linesOf(server.client(), batch.output_file_id);
      const ids = lines.map(({ custom_id }) => custom_id);
      assert.deepEqual(
        ids,
        Array.from({ length: count }, (_, i) => `request-${i}`),
      );
      const repeated = [...upstream.calls.values()].reduce((sum, calls) => sum + calls - 1, 0);
      assert.ok(repeated <= faults * (LANES + UNSAVED), `${repeated} calls were made again`);
    },
  };
}

/** The server that runs the one batch that runs. */
export async function ownerOf(servers: Serving[]): Promise<Serving> {
  for (;;) {
    for (const server of servers) {
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      if (/^edgebatch_batches\{status="in_progress"\} 1$/m.test(metrics)) return server;
    }
  }
}
