/** Guards the run against upstreams that misbehave: every line still ends, once, with what the server last said. */

import { strict as assert } from "node:assert";
import { after, before, describe, test } from "node:test";
import { chatLines, createBatch, ended, linesOf } from "./batches.ts";
import { isServe } from "./runtimes.ts";
import { type Started, startServer } from "./server.ts";
import { type Answer, completion, reply, startUpstream, type Upstream } from "./upstream.ts";

let server: Started;
let upstream: Upstream;
/** Answers of the line that says this; the others are answered well. */
const answers: Record<string, Answer> = {
  "reset 0": ({ content, attempt }, response, request) => {
    if (attempt < 3) request.socket.destroy();
    else reply(response, 200, completion(content));
  },
  "half 0": ({ content, attempt }, response, request) => {
    if (attempt > 1) return reply(response, 200, completion(content));
    response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
    response.write('{"id":"chat');
    setTimeout(() => request.socket.destroy(), 50);
  },
  "nonsense 0": (_, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<html>not what was asked for</html>");
  },
  "broken 0": (_, response) => reply(response, 500, { error: { message: "it never works" } }),
  "refused 0": (_, response) => reply(response, 400, { error: { message: "too long", code: "too_long" } }),
  // Nothing ever comes.
  "hanging 0": ({ content, attempt }, response) => {
    if (attempt > 1) reply(response, 200, completion(content));
  },
};
/** A Worker ends its turn over so long a wait, and begins another; a process only waits. */
const PATIENCE_MS = isServe ? 10_000 : 60_000;
const limitedUntil = { time: 0 };
let limitedCalls = 0;

before(async () => {
  upstream = await startUpstream((call, response, request) => {
    if (call.content.startsWith("limited") && Date.now() < limitedUntil.time) {
      limitedCalls += 1;
      const seconds = Math.ceil((limitedUntil.time - Date.now()) / 1000);
      return reply(response, 429, { error: { message: "slow down" } }, { "retry-after": String(seconds) });
    }
    const answer = answers[call.content];
    if (answer) return answer(call, response, request);
    reply(response, 200, completion(call.content));
  });
  server = await startServer({
    UPSTREAM_URL: upstream.url,
    MAX_CONCURRENT_BATCHES: "10",
    REQUEST_TIMEOUT_MS: "2000",
  });
});
after(async () => {
  await server.stop();
  await upstream.close();
});

// At once, as the last one takes its time.
describe("an upstream that misbehaves", { concurrency: true }, () => {
  async function run(name: string, count = 5) {
    const lines = chatLines(count).replaceAll("number", name);
    const batch = await ended(server.client, (await createBatch(server.client, lines)).id);
    const output = await linesOf(server.client, batch.output_file_id);
    const errors = await linesOf(server.client, batch.error_file_id);
    assert.equal(batch.status, "completed");
    assert.deepEqual([...output, ...errors].map((line) => line.custom_id).toSorted().length, count);
    return { batch, output, errors };
  }

  test("connections that are reset, hang or break off in the middle are tried again", async () => {
    const runs = await Promise.all(["reset", "half", "hanging"].map((name) => run(name)));
    for (const { batch, output } of runs) {
      assert.deepEqual(batch.request_counts, { total: 5, completed: 5, failed: 0 });
      assert.equal(output.length, 5);
    }
  });

  test("an answer that never comes right ends its own line, and no other", async () => {
    const [broken, refused] = await Promise.all([run("broken"), run("refused")]);
    for (const [{ batch, errors }, status, calls] of [
      [broken, 500, 5],
      [refused, 400, 1],
    ] as const) {
      assert.deepEqual(batch.request_counts, { total: 5, completed: 4, failed: 1 });
      assert.equal(errors.length, 1);
      assert.equal(errors[0]?.custom_id, "request-0");
      assert.equal(errors[0]?.response?.status_code, status);
      assert.equal(errors[0]?.error, null);
      const key = [...upstream.calls.keys()].find(
        (each) => each.includes(batch.id) && upstream.calls.get(each) === calls,
      );
      assert.ok(key, `one line was called ${calls} times`);
    }
  });

  test("a 200 that is no JSON is not passed off as an answer", async () => {
    const { batch, errors } = await run("nonsense");
    assert.deepEqual(batch.request_counts, { total: 5, completed: 4, failed: 1 });
    assert.equal(errors[0]?.custom_id, "request-0");
  });

  test("a server that asks for patience gets it, and then the work is done", async () => {
    limitedUntil.time = Date.now() + PATIENCE_MS;
    const { batch, output } = await run("limited", 30);
    assert.deepEqual(batch.request_counts, { total: 30, completed: 30, failed: 0 });
    assert.equal(output.length, 30);
    assert.ok(limitedCalls <= 30 + 6, `${limitedCalls} calls while the server asked for patience`);
  });
});
