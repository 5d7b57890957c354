/** Guards `/metrics` and the log of `edgebatch serve`: who may read what, and that nobody's names or words are in it. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { ModelServer } from "../cli/server.ts";
import { parsePrometheus, sampleOf } from "../server/prometheus.ts";
import { runtimeName } from "../server/suite/runtimes.ts";
import { chatLines, createBatch, ended, until } from "../worker/server.ts";
import { serving, stateFolder } from "./serving.ts";

const metricsOf = async (url: string) => {
  const answer = await fetch(`${url}/metrics`);
  assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return parsePrometheus(await answer.text());
};

test("/metrics says what batches, requests, calls, storage and the process are doing", async () => {
  const model = new ModelServer();
  const base = await model.listen();
  model.reply = (text, call) => {
    if (text === "number 3") return { status: 400 };
    return { status: text === "number 4" && call === 1 ? 500 : 200 };
  };
  const server = await serving(["--url", base, "--data", stateFolder()]);
  const idle = await metricsOf(server.url);
  assert.equal(sampleOf(idle, "edgebatch_requests_total", { outcome: "completed" }), 0);
  const { id } = await createBatch(server.client(), chatLines(20));
  const { output_file_id } = await ended(server.client(), id);
  await (await server.client().files.content(output_file_id as string)).text();
  await fetch(`${server.url}/v1/no/such/path/${id}`);
  const found = await metricsOf(server.url);
  const value = (name: string, labels: Record<string, string> = {}) => sampleOf(found, name, labels);
  assert.equal(value("edgebatch_requests_total", { outcome: "completed" }), 19);
  assert.equal(value("edgebatch_requests_total", { outcome: "failed" }), 1);
  assert.equal(value("edgebatch_batches_ended_total", { status: "completed" }), 1);
  assert.equal(value("edgebatch_batches", { status: "in_progress" }), 0);
  const calls = (status: string) => value("edgebatch_upstream_calls_total", { server: "default", status });
  assert.deepEqual(["2xx", "4xx", "5xx"].map(calls), [19, 1, 1]);
  assert.equal(value("edgebatch_upstream_retries_total", { server: "default" }), 1);
  assert.equal(value("edgebatch_upstream_latency_seconds_count", { server: "default" }), 21);
  const route = "/v1/files/:id/content";
  assert.equal(value("edgebatch_http_requests_total", { method: "GET", route, status: "200" }), 1);
  assert.equal(value("edgebatch_http_requests_total", { route: "/v1/*", status: "404" }), 1);
  // The input, and what came of it: output and errors.
  assert.equal(value("edgebatch_files"), 3);
  for (const name of [
    "edgebatch_file_bytes",
    "edgebatch_database_bytes",
    "edgebatch_disk_free_bytes",
    "edgebatch_uptime_seconds",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_start_time_seconds",
  ]) {
    assert.ok(value(name) > 0, name);
  }
  assert.equal(value("edgebatch_state_writable"), 1);
  assert.ok(value("edgebatch_event_loop_lag_seconds", { quantile: "1" }) < 60);
});

test("with keys, figures have an address of their own, and name no tenant", async () => {
  const sha256 = createHash("sha256").update("key-of-alice").digest("hex");
  const keys = ["--api-keys", `alice-and-sons:${sha256}`];
  const args = ["--data", stateFolder(), ...keys, "--metrics-port", "0", "--log-level", "debug"];
  const server = await serving(args);
  const alice = server.client("key-of-alice");
  await ended(alice, (await createBatch(alice, chatLines(3))).id);
  const answer = await fetch(`${server.url}/metrics`, { headers: { authorization: "Bearer key-of-alice" } });
  assert.equal(answer.status, 404);
  let log = "";
  server.child.stderr?.on("data", (text: string) => {
    log += text;
  });
  await fetch(`${server.url}/v1/files`);
  await until("the log says so", () => log.includes('"status":401'));
  const own = /http:\/\/127\.0\.0\.1:\d+(?=\/metrics)/.exec(server.printed)?.[0] as string;
  const text = await (await fetch(`${own}/metrics`)).text();
  assert.equal(sampleOf(parsePrometheus(text), "edgebatch_requests_total", { outcome: "completed" }), 3);
  assert.doesNotMatch(text, /alice/);
  assert.equal((await fetch(`${own}/v1/files`)).status, 404);
  const { status } = await server.end("SIGTERM");
  assert.equal(status, 0);
});

test("at level debug the log has a line for each HTTP request, with ids and no words of anybody's", async () => {
  const server = await serving(["--data", stateFolder()], { EDGEBATCH_LOG_LEVEL: "debug" });
  const { id } = await createBatch(server.client("secret-key"), chatLines(3));
  await ended(server.client(), id);
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
  const answer = await fetch(`${server.url}/v1/batches/${id}?secret=1`, { headers });
  const body = await answer.text();
  const { stderr } = await server.end("SIGTERM");
  assert.doesNotMatch(stderr, /number \d|secret/);
  const lines = stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  for (const { time, level } of lines) {
    assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.ok(["debug", "info"].includes(level));
  }
  const last = lines.findLast(({ event }) => event === "http.request");
  const { request, ms, bytes, ...rest } = last;
  delete rest.time;
  assert.deepEqual(rest, {
    ...{ level: "debug", event: "http.request", tenant: "~anonymous", trace: traceId },
    ...{ method: "GET", route: "/v1/batches/:id", status: 200 },
  });
  assert.equal(request, answer.headers.get("x-request-id"));
  assert.ok(ms > 0);
  if (runtimeName === "bun") assert.equal(bytes, null);
  else assert.ok(bytes > body.length, String(bytes));
});

test("at level error the log is empty as long as all is well", async () => {
  const server = await serving(["--data", stateFolder(), "--log-level", "error"]);
  await ended(server.client(), (await createBatch(server.client(), chatLines(3))).id);
  assert.equal((await server.end("SIGTERM")).stderr, "");
});
