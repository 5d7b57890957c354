/** Guards `edgebatch serve` on several machines: three processes over one Postgres and one S3. */

import { strict as assert } from "node:assert";
import { after, before, describe, test } from "node:test";
import { type Serving, serving } from "../node/serving.ts";
import { chatLines, createBatch, ended, linesOf, until } from "../server/suite/batches.ts";
import { slowly, startUpstream, type Upstream } from "../server/suite/upstream.ts";
import { credentials } from "./s3.ts";
import { postgres, s3 } from "./servers.ts";

const env = {
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
};
/** Requests of one batch in flight, and results that are stored together. */
const LANES = 10;
const UNSAVED = 64;

/** Options of servers that share a state which nobody else has. */
async function shared(): Promise<string[]> {
  const store = await (await postgres()).database();
  const { endpoint, name } = await bucket();
  return ["--store", store, "--files", `s3://${name}/some/where?endpoint=${endpoint}`];
}

async function bucket() {
  const server = await s3();
  return { endpoint: server.endpoint, name: (await server.bucket()).name };
}

/** The one whose calls the model server gets at the moment. */
async function ownerOf(servers: Serving[]): Promise<Serving> {
  for (;;) {
    for (const server of servers) {
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      if (/^edgebatch_batches\{status="in_progress"\} 1$/m.test(metrics)) return server;
    }
  }
}

describe("Three servers over one Postgres and one S3", { timeout: 120_000 }, () => {
  let upstream: Upstream;
  let state: string[] = [];
  const start = (...args: string[]) =>
    serving([...state, "--url", `${upstream.url}/v1`, "--concurrency", `${LANES}`, ...args], env);
  before(async () => {
    upstream = await startUpstream(slowly(20));
    state = await shared();
  });
  after(() => upstream.close());

  /** Every line once, in order, and each request called once but for those that were in flight at a fault. */
  async function whole(server: Serving, id: string, count: number, faults: number): Promise<void> {
    const batch = await ended(server.client(), id, 60_000);
    assert.equal(batch.status, "completed", JSON.stringify(batch));
    assert.deepEqual(batch.request_counts, { total: count, completed: count, failed: 0 });
    const lines = await linesOf(server.client(), batch.output_file_id);
    assert.deepEqual(
      lines.map(({ custom_id }) => custom_id),
      Array.from({ length: count }, (_, i) => `request-${i}`),
    );
    const repeated = [...upstream.calls.values()].reduce((sum, calls) => sum + calls - 1, 0);
    assert.ok(repeated <= faults * (LANES + UNSAVED), `${repeated} calls were made again`);
  }

  test("what is given to one is known to all, and run once, by one of them", async () => {
    const servers = await Promise.all([start(), start(), start()]);
    const [one, two, three] = servers as [Serving, Serving, Serving];
    const { id } = await createBatch(one.client(), chatLines(100));
    await whole(two, id, 100, 0);
    const files = await three.client().files.list();
    assert.equal(files.data.length, 2);
    for (const server of servers) assert.equal((await server.end("SIGTERM")).status, 0);
  });

  for (const [signal, what] of [
    ["SIGKILL", "is killed"],
    ["SIGSTOP", "stands still"],
  ] as const) {
    test(`the one that has a batch ${what}, and another goes on within 15 seconds: every line once`, async (t) => {
      upstream.calls.clear();
      const servers = await Promise.all([start(), start(), start()]);
      const [first] = servers as [Serving, ...Serving[]];
      const { id } = await createBatch(first.client(), chatLines(600));
      await until("some of it is done", () => upstream.calls.size >= 200);
      const owner = await ownerOf(servers);
      const others = servers.filter((server) => server !== owner);
      owner.child.kill(signal);
      const at = Date.now();
      const [before, [other]] = [upstream.times.length, others as [Serving, Serving]];
      await until("another goes on", () => upstream.times.length >= before + 2 * LANES, 15_000);
      t.diagnostic(`another went on after ${Date.now() - at} ms`);
      await whole(other, id, 600, 1);
      if (signal === "SIGSTOP") {
        owner.child.kill("SIGCONT");
        await until(
          "it serves again",
          async () => (await fetch(`${owner.url}/ready`).catch(() => null))?.ok === true,
        );
        await whole(owner, id, 600, 1);
      }
      for (const server of servers) await server.end("SIGKILL");
    });
  }
});
