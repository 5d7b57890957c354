/** Guards the concurrency of several machines: what the model server sees of all of them together. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import type { Serving } from "../node/serving.ts";
import { chatLines, createBatch, until } from "../server/suite/batches.ts";
import { together } from "./together.ts";

const LIMIT = 12;
/** What is in flight on average where all slots are used, and a busy machine takes its time from answer to call: not what two of three have. */
const MOSTLY = 0.8 * LIMIT;

const slotsOf = async ({ url }: Serving, of: "held" | "wanted"): Promise<number> => {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(
    new RegExp(`^edgebatch_upstream_slots_${of}\\{server="default"\\} (\\d+)$`, "m").exec(metrics)?.[1],
  );
};

export function slotTests(): void {
  describe("Servers over one Postgres and one S3", { timeout: 120_000, concurrency: 2 }, () => {
    test("have no more in flight together than their concurrency, and use all of it, also after one was killed", async (t) => {
      const options = ["--concurrency", `${LIMIT}`, "--batches", "6"];
      const { servers, upstream } = await together(t, 3, options, 1_000);
      /** How many are in flight, on average. */
      const mean = async (ms: number) => {
        let [sum, count] = [0, 0];
        for (const end = Date.now() + ms; Date.now() < end; count++) {
          sum += upstream.inFlight;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return sum / count;
      };
      const all = (of: Serving[]) => async () => {
        const held = await Promise.all(of.map((server) => slotsOf(server, "held")));
        return !held.includes(0) && held.reduce((sum, each) => sum + each, 0) === LIMIT;
      };
      const [one, ...others] = servers as [Serving, Serving, Serving];
      const began = Date.now();
      await createBatch(one.client(), chatLines(5_000));
      await until("one batch has all slots", () => upstream.inFlight === LIMIT);
      const firstMs = Date.now() - began;
      for (let i = 0; i < 5; i++) await createBatch(one.client(), chatLines(5_000));
      await until("each has some of all slots", all(servers));
      const whole = await mean(5_000);
      assert.ok(whole > MOSTLY, `${whole} in flight`);
      const killedAt = Date.now();
      await one.end("SIGKILL");
      await until("the others have all slots", all(others), 20_000);
      await until("all are used", () => upstream.inFlight === LIMIT, 20_000);
      const killedMs = Date.now() - killedAt;
      assert.ok(killedMs <= 20_000, `${killedMs} ms`);
      const after = await mean(3_000);
      assert.ok(after > MOSTLY, `${after} in flight`);
      assert.equal(await slotsOf(others[0] as Serving, "wanted"), LIMIT);
      assert.ok(upstream.mostInFlight <= LIMIT, `${upstream.mostInFlight} in flight`);
      t.diagnostic(
        `all slots after ${firstMs} ms, ${whole} in flight of three, again after ${killedMs} ms, then ${after}`,
      );
    });
  });
}
