/** Guards what the server measures: the text for Prometheus, how batches are counted, and how calls are. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import "../../../js/entry/node.ts";
import type { KV } from "../../../js/core/types.ts";
import { MemoryKV } from "../../../js/hosts/kv/memory.ts";
import { BATCH, RUN } from "../../../js/server/keys.ts";
import { BatchStates } from "../../../js/server/observe/batch-states.ts";
import { idsOnly, watchedCalls } from "../../../js/server/observe/calls.ts";
import { Meters } from "../../../js/server/observe/meters.ts";
import { Registry } from "../../../js/server/observe/registry.ts";
import { watchedStore } from "../../../js/server/observe/watched-store.ts";
import type { CallEnd } from "../../../js/server/upstreams/types.ts";
import { parsePrometheus, sampleOf } from "./prometheus.ts";

const read = async ({ registry }: Pick<Meters, "registry">) => parsePrometheus(await registry.text());

test("labels and help may hold quotes, backslashes and line ends", async () => {
  const registry = new Registry();
  const odd = 'a"b\\c\nd';
  registry.counter("odd_total", `Odd: ${odd}`).inc({ label: odd });
  const samples = (await read({ registry })).get("odd_total")?.samples;
  assert.deepEqual(samples, [{ name: "odd_total", labels: { label: odd }, value: 1 }]);
});

test("a family whose labels have no end keeps a bounded number of series, and still counts everything", async () => {
  const registry = new Registry();
  const counter = registry.counter("many_total", "Many.");
  for (let i = 0; i < 2_000; i++) counter.inc({ label: `value-${i}` });
  const samples = (await read({ registry })).get("many_total")?.samples ?? [];
  assert.ok(samples.length <= 501);
  assert.equal(
    samples.reduce((sum, { value }) => sum + value, 0),
    2_000,
  );
});

test("a histogram counts each value in every bucket that takes it, the largest as well", async () => {
  const registry = new Registry();
  const histogram = registry.histogram("time_seconds", "Time.", [0.1, 1, 600]);
  for (const value of [0.1, 0.5, 600, 601]) histogram.observe(value, { server: "a" });
  const found = await read({ registry });
  const bucket = (le: string) => sampleOf(found, "time_seconds_bucket", { server: "a", le });
  assert.deepEqual(["0.1", "1", "600", "+Inf"].map(bucket), [1, 2, 3, 4]);
  assert.equal(sampleOf(found, "time_seconds_sum"), 1201.6);
});

test("what cannot be read leaves the rest readable", async () => {
  const meters = new Meters();
  meters.registry.reading(() => Promise.reject(new Error("no disk")));
  meters.http({ method: "BREW", route: "/v1/files", status: 429, seconds: 0.01 });
  const found = await read(meters);
  assert.equal(sampleOf(found, "edgebatch_http_requests_total", { method: "other" }), 1);
  assert.equal(sampleOf(found, "edgebatch_http_rate_limited_total"), 1);
});

const watched = (kv: KV, states: BatchStates) =>
  watchedStore(kv, { written: (ops) => states.written(ops), failed() {} });

const record = (status: string, completed = 0, failed = 0, created_at = 1_000) =>
  new TextEncoder().encode(
    JSON.stringify({ status, created_at, request_counts: { total: 10, completed, failed } }),
  );

test("batches and requests are counted as their records are written, once each, also after a restart", async () => {
  const store = new MemoryKV();
  let meters = new Meters();
  let kv = watched(store, new BatchStates(meters));
  const put = (id: string, value: Uint8Array) => kv.batch?.([{ type: "set", key: BATCH + id, value }]);
  await put("a", record("validating"));
  await put("b", record("validating", 0, 0, Date.now() / 1_000 - 100));
  await put("a", record("in_progress", 3, 1));
  await put("a", record("in_progress", 3, 1));
  let found = await read(meters);
  const status = (name: string, status: string) => sampleOf(found, name, { status });
  const outcome = (outcome: string) => sampleOf(found, "edgebatch_requests_total", { outcome });
  assert.deepEqual(
    ["validating", "in_progress", "finalizing"].map((name) => status("edgebatch_batches", name)),
    [1, 1, 0],
  );
  assert.deepEqual(["completed", "failed", "expired"].map(outcome), [3, 1, 0]);
  const age = sampleOf(found, "edgebatch_queue_age_seconds");
  assert.ok(age >= 99 && age < 160, String(age));

  // A new process knows what is unfinished from the store, and not what was counted by the last one.
  await store.set(`${RUN}a`, new Uint8Array());
  await store.set(`${RUN}b`, new Uint8Array());
  meters = new Meters();
  const states = new BatchStates(meters);
  kv = watched(store, states);
  await states.resume(kv);
  await put("a", record("completed", 9, 1));
  await put("a", record("completed", 9, 1));
  await put("b", record("cancelled", 2, 0));
  found = await read(meters);
  assert.deepEqual(["completed", "failed", "cancelled"].map(outcome), [6 + 2, 0, 8]);
  assert.deepEqual(
    [status("edgebatch_batches", "in_progress"), status("edgebatch_batches", "validating")],
    [0, 0],
  );
  assert.equal(status("edgebatch_batches_ended_total", "completed"), 1);
  assert.equal(status("edgebatch_batches_ended_total", "cancelled"), 1);
});

test("a write that was refused counts nothing", async () => {
  const meters = new Meters();
  const kv = watched(new MemoryKV(), new BatchStates(meters));
  const ops = [{ type: "set", key: `${BATCH}a`, value: record("validating") }] as const;
  assert.equal(await kv.batch?.([...ops], [{ key: "x", value: new Uint8Array(1) }]), false);
  assert.equal(sampleOf(await read(meters), "edgebatch_batches", { status: "validating" }), 0);
});

test("calls are counted by how they ended, and those that repeat a failed one as retries", async () => {
  const meters = new Meters();
  const watch = watchedCalls(idsOnly, meters);
  const call = (idempotencyKey: string, end: CallEnd) => {
    const about = { kind: "batch", server: "gpu", path: "/v1/x", tenant: "alice" } as const;
    watch({ ...about, batchId: "batch_1", idempotencyKey })?.ended?.(end);
  };
  for (const end of [500, 429, 200, 200] as const) call("a", end);
  call("b", 404);
  call("b", 404);
  for (const end of ["timeout", "unreachable", 200] as const) call("c", end);
  // What is given up when the server stops is no failure.
  for (const end of ["aborted", 200] as const) call("d", end);
  watch({ kind: "interactive", server: "gpu", path: "/v1/x", tenant: "alice" })?.ended?.(200);
  const found = await read(meters);
  const calls = (status: string) =>
    sampleOf(found, "edgebatch_upstream_calls_total", { server: "gpu", kind: "batch", status });
  assert.deepEqual(
    ["2xx", "4xx", "429", "5xx", "timeout", "unreachable", "aborted"].map(calls),
    [4, 2, 1, 1, 1, 1, 1],
  );
  assert.equal(sampleOf(found, "edgebatch_upstream_retries_total", { server: "gpu" }), 4);
  const timed = (kind: string) => sampleOf(found, "edgebatch_upstream_latency_seconds_count", { kind });
  assert.deepEqual([timed("batch"), timed("interactive")], [10, 1]);
});
