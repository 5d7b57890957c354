/** Guards traces of `edgebatch serve`: what the model server is told, and the spans where OpenTelemetry is installed. */

import { strict as assert } from "node:assert";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { folder } from "../cli/command.ts";
import { ModelServer } from "../cli/server.ts";
import { chatLines, createBatch, ended, until } from "../worker/server.ts";
import { serving, stateFolder } from "./serving.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = { headers: { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` } };

/** A folder where as much of OpenTelemetry is installed as writes spans that have ended to a file. */
function withPackages(): { cwd: string; spans: () => Record<string, unknown>[] } {
  const cwd = folder();
  const file = join(cwd, "spans.jsonl");
  const install = (name: string, text: string) => {
    const at = join(cwd, "node_modules", name);
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, "package.json"), JSON.stringify({ name, main: "index.js" }));
    writeFileSync(join(at, "index.js"), text);
  };
  install(
    "@opentelemetry/api",
    `const { appendFileSync } = require("node:fs");
    const startSpan = (name, options, context) => {
      const ids = globalThis.fakeIds;
      const parent = options.root ? undefined : context.span.spanContext();
      const own = { traceId: parent?.traceId ?? ids.generateTraceId(), spanId: ids.generateSpanId(), traceFlags: 1 };
      const span = { name, ...own, parent: parent?.spanId, startTime: options.startTime, ...options.attributes, links: [] };
      return {
        spanContext: () => own,
        setAttributes: (more) => Object.assign(span, more),
        setStatus: ({ code }) => Object.assign(span, { code }),
        addLink: ({ context }) => span.links.push(context.traceId),
        end: () => appendFileSync(${JSON.stringify(file)}, JSON.stringify(span) + "\\n"),
      };
    };
    module.exports = {
      trace: {
        getTracer: () => ({ startSpan }),
        setSpan: (context, span) => ({ span }),
        wrapSpanContext: (own) => ({ spanContext: () => own }),
      },
      ROOT_CONTEXT: {}, SpanKind: { CLIENT: 2 }, SpanStatusCode: { ERROR: 2 },
    };`,
  );
  install(
    "@opentelemetry/sdk-node",
    `exports.NodeSDK = class {
      constructor({ idGenerator }) { globalThis.fakeIds = idGenerator; }
      start() {}
      async shutdown() {}
    };`,
  );
  const lines = () => readFileSync(file, "utf8").trim().split("\n");
  return { cwd, spans: () => lines().map((line) => JSON.parse(line)) };
}

test("every call of a batch carries its trace, whatever process makes it, and a span of its own, retries included", async () => {
  const model = new ModelServer();
  const [base, data] = [await model.listen(), stateFolder()];
  model.latencyMs = 50;
  model.reply = (_, call) => ({ status: call === 1 ? 500 : 200 });
  const first = await serving(["--url", base, "--data", data]);
  const { id } = await createBatch(first.client(), chatLines(40));
  await model.reached(20);
  await first.end("SIGKILL");
  const second = await serving(["--url", base, "--data", data]);
  assert.equal((await ended(second.client(), id)).request_counts?.completed, 40);
  const parts = model.traceparents.map((header) => header.split("-"));
  assert.ok(parts.length >= 80);
  assert.deepEqual(new Set(parts.map(([, trace]) => trace)), new Set([id.replace("batch_", "")]));
  assert.equal(new Set(parts.map(([, , span]) => span)).size, parts.length);
});

test("with OpenTelemetry's variables and packages a batch is one span across restarts, and each call one within it", async () => {
  const model = new ModelServer();
  const [base, data] = [await model.listen(), stateFolder()];
  model.latencyMs = 50;
  model.reply = (text) => ({ status: text === "number 3" ? 400 : 200 });
  const { cwd, spans } = withPackages();
  const args = ["--url", base, "--data", data, "--concurrency", "2"];
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" };
  const first = await serving(args, env, { cwd });
  const { id } = await createBatch(first.client(), chatLines(20));
  await model.reached(8);
  assert.match((await first.end("SIGTERM")).stderr, /"otel.started"/);
  assert.ok(spans().every(({ name }) => name === "POST /v1/chat/completions"));
  const second = await serving(args, env, { cwd });
  const batch = await ended(second.client(), id);
  await until("the batch's span has ended", () => spans().some(({ name }) => name === "batch"));
  const [traceId, all] = [id.replace("batch_", ""), spans()];
  const [root, ...more] = all.filter(({ name }) => name === "batch");
  assert.deepEqual(more, []);
  assert.equal(root?.traceId, traceId);
  assert.equal(root?.parent, undefined);
  assert.deepEqual(
    [root?.startTime, root?.["edgebatch.batch.status"]],
    [batch.created_at * 1_000, "completed"],
  );
  const calls = all.filter(({ name }) => name !== "batch");
  assert.equal(calls.length, 20);
  assert.ok(calls.every((call) => call.traceId === traceId && call.parent === root?.spanId));
  const sent = model.traceparents.map((header) => header.split("-")[2]);
  assert.deepEqual(calls.map(({ spanId }) => spanId).sort(), sent.sort());
  const wrong = calls.filter(({ code }) => code === 2).map((call) => call["http.response.status_code"]);
  assert.deepEqual(wrong, [400]);
});

test("the batch's span is linked to the trace of the caller who made it", async () => {
  const { cwd, spans } = withPackages();
  const env = { OTEL_TRACES_EXPORTER: "otlp" };
  const server = await serving(["--data", stateFolder(), "--latency", "50"], env, { cwd });
  const client = server.client();
  const file = await client.files.create({
    file: new File([chatLines(30)], "a.jsonl"),
    purpose: "batch",
  });
  const params = {
    input_file_id: file.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  } as const;
  await ended(client, (await client.batches.create(params, CALLER)).id);
  await until("the batch's span has ended", () => spans().some(({ name }) => name === "batch"));
  assert.deepEqual(spans().find(({ name }) => name === "batch")?.links, [TRACE]);
});

test("without its packages the log says what to install, and all else works; without its variables nothing is looked for", async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" };
  const asked = await serving(["--data", stateFolder()], env, { cwd: folder() });
  await ended(asked.client(), (await createBatch(asked.client(), chatLines(3))).id);
  const { stderr } = await asked.end("SIGTERM");
  assert.match(stderr, /"otel.missing".*Install @opentelemetry\/api and @opentelemetry\/sdk-node/);
  const { cwd } = withPackages();
  const more = { OTEL_SDK_DISABLED: "true", ...env };
  for (const none of [{}, more, { OTEL_TRACES_EXPORTER: "none", ...env }] as Record<string, string>[]) {
    const server = await serving(["--data", stateFolder()], none, { cwd });
    assert.doesNotMatch((await server.end("SIGTERM")).stderr, /otel/);
  }
});
