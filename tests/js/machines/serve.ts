/** Guards `edgebatch serve` on several machines: what one is told all know, and what one loses another goes on with. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { start } from "../cli/command.ts";
import type { Serving } from "../node/serving.ts";
import { chatLines, createBatch, ended, until } from "../server/suite/batches.ts";
import type { Upstream } from "../server/suite/upstream.ts";
import { Postgres } from "./postgres.ts";
import { env, freshState, LANES, ownerOf, together } from "./together.ts";

const isReady = async ({ url }: Serving) => (await fetch(`${url}/ready`).catch(() => null))?.ok === true;

// They wait for leases to run out, most of the time.
export function serveTests(): void {
  describe("Servers over one Postgres and one S3", { timeout: 120_000, concurrency: 4 }, () => {
    test("share what each is told: a batch is run once, by one of them", async (t) => {
      const { servers, whole } = await together(t, 3);
      const [one, two, three] = servers as [Serving, Serving, Serving];
      const { id } = await createBatch(one.client(), chatLines(100));
      await whole(two, id, 100, 0);
      assert.equal((await three.client().files.list()).data.length, 2);
      const { id: cancelled } = await createBatch(one.client(), chatLines(2_000));
      await until(
        "it runs",
        async () => (await two.client().batches.retrieve(cancelled)).status === "in_progress",
      );
      const owner = await ownerOf(servers);
      const other = servers.find((server) => server !== owner) as Serving;
      await other.client().batches.cancel(cancelled);
      assert.equal((await ended(two.client(), cancelled, 10_000)).status, "cancelled");
      for (const server of servers) assert.equal((await server.end("SIGTERM")).status, 0);
    });

    test("run several batches on all of them, and one that is ended hands its own over at once", async (t) => {
      // Whoever is slow to hear of them has the time that it takes: none ends before each has one.
      const { servers, upstream, pace, whole } = await together(
        t,
        3,
        ["--batches", "6", "--concurrency", `${3 * LANES}`],
        2_000,
      );
      const [one, two, three] = servers as [Serving, Serving, Serving];
      const ids = [];
      for (let i = 0; i < 6; i++) ids.push((await createBatch(one.client(), chatLines(150))).id);
      const running = async (server: Serving) =>
        Number(
          /^edgebatch_batches\{status="in_progress"\} (\d+)$/m.exec(
            await (await fetch(`${server.url}/metrics`)).text(),
          )?.[1] ?? 0,
        );
      await until("each has some", async () => !(await Promise.all(servers.map(running))).includes(0));
      const at = Date.now();
      await one.end("SIGTERM");
      const others = async () => (await running(two)) + (await running(three));
      await until("the others have them all", async () => (await others()) === ids.length);
      assert.ok(Date.now() - at < 10_000, "nobody waited for a lease to run out");
      pace.latencyMs = 20;
      for (const id of ids) await whole(two, id, 150, 0);
      assert.ok(await isReady(three));
      assert.equal(upstream.calls.size, 900);
    });

    const goesOn = (what: string, upstream: Upstream) => {
      const before = upstream.times.length;
      return until(what, () => upstream.times.length >= before + 3 * LANES, 15_000);
    };

    test("lose no line where the one that has a batch is killed: another goes on within 15 seconds", async (t) => {
      const { servers, upstream, whole } = await together(t, 3);
      const { id } = await createBatch((servers[0] as Serving).client(), chatLines(600));
      await until("some of it is done", () => upstream.calls.size >= 200);
      const owner = await ownerOf(servers);
      const other = servers.find((server) => server !== owner) as Serving;
      await owner.end("SIGKILL");
      await goesOn("another goes on", upstream);
      await whole(other, id, 600, 1);
    });

    test("lose no line where the one that has a batch stands still, which takes it again when the next is gone", async (t) => {
      const { servers, upstream, whole } = await together(t, 2, [], 200);
      const { id } = await createBatch((servers[0] as Serving).client(), chatLines(350));
      await until("some of it is done", () => upstream.calls.size >= 50);
      const first = await ownerOf(servers);
      const second = servers.find((server) => server !== first) as Serving;
      first.child.kill("SIGSTOP");
      await goesOn("the second goes on", upstream);
      first.child.kill("SIGCONT");
      await until("the first serves again", () => isReady(first));
      await goesOn("the second goes on all the time", upstream);
      assert.equal(await ownerOf(servers), second);
      await second.end("SIGKILL");
      await goesOn("the first goes on", upstream);
      await whole(first, id, 350, 2);
    });

    test("drain together, whichever is told, and go on together", async (t) => {
      const { servers, upstream, whole } = await together(t, 2);
      const [one, two] = servers as [Serving, Serving];
      const { id } = await createBatch(one.client(), chatLines(400));
      await until("some of it is done", () => upstream.calls.size >= 50);
      const drain = async (server: Serving, method = "GET", path = "drain") => {
        const response = await fetch(`${server.url}/v1/edgebatch/${path}`, { method });
        assert.equal(response.status, 200);
        return response.json() as Promise<{ draining: boolean; batches_in_flight: number }>;
      };
      const owner = await ownerOf(servers);
      const other = owner === one ? two : one;
      assert.equal((await drain(other, "POST")).draining, true);
      await until("nothing is in flight", async () => (await drain(owner)).batches_in_flight === 0);
      const calls = upstream.times.length;
      assert.ok(calls < 400);
      assert.equal((await drain(owner, "POST", "undrain")).draining, false);
      await whole(other, id, 400, 0);
    });

    test("count a tenant's calls and its queue together", async (t) => {
      const { servers } = await together(t, 2, [
        "--requests-per-minute",
        "20",
        "--quota-queued-batches",
        "1",
      ]);
      const [one, two] = servers as [Serving, Serving];
      const began = Date.now();
      await createBatch(one.client(), chatLines(600));
      await assert.rejects(createBatch(two.client(), chatLines(1)), /queue|limit|batches/i);
      const statuses = [];
      for (let i = 0; i < 40; i++) {
        const { url } = i % 2 === 0 ? one : two;
        statuses.push((await fetch(`${url}/v1/batches`)).status);
      }
      // Four calls came before these: a file and a batch each. One more is let in every three seconds.
      const granted = statuses.filter((status) => status === 200).length;
      const more = (Date.now() - began) / 3_000;
      assert.ok(granted >= 16 && granted <= 16 + Math.ceil(more), `${granted} in ${more * 3} seconds`);
      assert.deepEqual(new Set(statuses), new Set([200, 429]));
    });

    test("wait for a database that starts after them", async (t) => {
      const database = await Postgres.start();
      t.after(() => database.down("SIGKILL"));
      const store = await database.database();
      await database.down();
      const state = [...(await freshState()).slice(2), "--store", store];
      const { child, ended } = start(["serve", "--port", "0", ...state], { env });
      t.after(() => child.kill("SIGKILL"));
      let [said, printed] = ["", ""];
      child.stderr?.on("data", (text) => {
        said += text;
      });
      child.stdout?.on("data", (text) => {
        printed += text;
      });
      await until("it says that it waits", () => said.includes('"database.awaited"'));
      await database.up();
      await until("it serves", () => printed.includes("client.batches.list()"));
      child.kill("SIGTERM");
      assert.equal((await ended).status, 0);
    });

    test("go on with a database that was killed and comes back, and meanwhile say so", async (t) => {
      // Not the one of all other tests.
      const database = await Postgres.start();
      t.after(() => database.down("SIGKILL"));
      const { servers, upstream, whole } = await together(t, 2, ["--store", await database.database()]);
      const [one, two] = servers as [Serving, Serving];
      const { id } = await createBatch(one.client(), chatLines(400));
      await until("some of it is done", () => upstream.calls.size >= 100);
      await database.down("SIGKILL");
      const refused = await fetch(`${two.url}/v1/batches/${id}`);
      assert.equal(refused.status, 503);
      const { error } = (await refused.json()) as { error: { code: string; message: string } };
      assert.equal(error.code, "storage_away");
      assert.doesNotMatch(error.message, /127\.0\.0\.1|postgres/);
      await until("it is known", async () => !(await isReady(one)));
      await database.up();
      await whole(two, id, 400, 2);
      for (const server of servers) await until("it is ready", () => isReady(server));
    });
  });
}
