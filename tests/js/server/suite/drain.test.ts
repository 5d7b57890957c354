/** Guards the drain before a deploy: nothing starts, whoever is killed meanwhile, and then all goes on but what was paused. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import OpenAI, { AuthenticationError, PermissionDeniedError } from "openai";
import type { Drain } from "../../../../js/server/drain.ts";
import { start } from "../../cli/command.ts";
import { chatLines, createBatch, ended, until } from "./batches.ts";
import { startServer } from "./server.ts";
import { slowly, startUpstream } from "./upstream.ts";

const entry = (name: string, key: string) => `${name}:${createHash("sha256").update(key).digest("hex")}`;

test("a drained server starts nothing, survives a kill, takes batches, and goes on with all that is not paused", async () => {
  const upstream = await startUpstream(slowly(20));
  const settings = {
    ...{ MAX_CONCURRENT_REQUESTS: "4", MAX_CONCURRENT_BATCHES: "2" },
    API_KEYS: `${entry("alice", "alices-key")},${entry("bob", "bobs-key")}`,
    ADMIN_KEYS: entry("operator", "operators-key"),
  };
  const server = await startServer({ UPSTREAM_URL: upstream.url, ...settings }, "alices-key");
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const by = (apiKey: string) => new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
  const [alice, bob, operator] = [server.client, by("bobs-key"), by("operators-key")];
  const ready = async () => (await (await fetch(`${server.url}/ready`)).json()).status;
  const asked = (what: "drain" | "undrain") => operator.post<Drain>(`/edgebatch/${what}`);
  assert.equal(await ready(), "ready");

  const running = [
    await createBatch(alice, chatLines(300)),
    await createBatch(bob, chatLines(300).replaceAll("number", "bob")),
  ];
  const paused = await createBatch(alice, chatLines(300).replaceAll("number", "paused"));
  const ran = ({ id }: OpenAI.Batch) => [...upstream.calls.keys()].filter((key) => key.includes(id)).length;
  await until("all ran", () => [...running, paused].every((batch) => ran(batch) > 10));
  await alice.post(`/batches/${paused.id}/pause`);
  const drain = await asked("drain");
  const at = Date.now();
  assert.ok(drain.draining && Number(drain.draining_since) > 0);
  assert.equal(await ready(), "draining");
  const waiting = await createBatch(alice, chatLines(5).replaceAll("number", "waiting"));
  const env = { EDGEBATCH_KEY: "operators-key" };
  const { status, stderr } = await start(["drain", "--wait", "--url", `${server.url}/v1`], { env }).ended;
  assert.deepEqual([status, stderr.includes("nothing is in flight")], [0, true], stderr);
  assert.equal(upstream.inFlight, 0);
  const last = upstream.times.at(-1) as number;
  assert.ok(last - at < 2_000, `the last call came ${last - at} ms after`);

  const made = upstream.times.length;
  await server.kill();
  await server.restart();
  assert.equal(await ready(), "draining");
  // A cancel is heard all the same, and so is a wish to go on, though nothing starts by it.
  const cancelled = await createBatch(bob, chatLines(5).replaceAll("number", "cancelled"));
  await bob.batches.cancel(cancelled.id);
  assert.equal((await ended(bob, cancelled.id)).status, "cancelled");
  await new Promise((next) => setTimeout(next, 1_200));
  assert.equal(upstream.times.length, made, "nothing starts after a restart");
  assert.equal((await alice.batches.retrieve(waiting.id)).status, "validating");

  assert.equal((await asked("undrain")).draining, false);
  assert.equal(await ready(), "ready");
  for (const [client, { id }] of [
    [alice, running[0]],
    [bob, running[1]],
    [alice, waiting],
  ] as [OpenAI, OpenAI.Batch][])
    assert.equal((await ended(client, id)).status, "completed");
  assert.equal((await alice.batches.retrieve(paused.id)).status, "in_progress");
  await alice.post(`/batches/${paused.id}/resume`);
  assert.equal((await ended(alice, paused.id)).request_counts?.completed, 300);
  assert.equal(Math.max(...upstream.calls.values()), 1, "every line was asked once");
});

test("only the operator drains a server", async () => {
  const API_KEYS = entry("alice", "alices-key");
  const ADMIN_KEYS = entry("operator", "operators-key");
  const server = await startServer({ API_KEYS, ADMIN_KEYS }, "alices-key");
  const without = await startServer({ API_KEYS }, "alices-key");
  after(async () => Promise.all([server.stop(), without.stop()]));
  const post = (client: OpenAI) => client.post("/edgebatch/drain").then();
  await assert.rejects(post(server.client), AuthenticationError);
  assert.equal((await fetch(`${server.url}/v1/edgebatch/drain`)).status, 401);
  const operator = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "operators-key", maxRetries: 0 });
  assert.equal((await operator.get<Drain>("/edgebatch/drain")).draining, false);
  await assert.rejects(operator.batches.list().then(), AuthenticationError);
  await assert.rejects(post(without.client), PermissionDeniedError);
});
