/** Batches over model servers that misbehave: what is bought, what is tried again, what waits, and what is told. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import {
  anyModel,
  type Batch,
  Batches,
  type BatchWait,
  fetchInference,
  MemoryFiles,
  MemoryKV,
  readLines,
} from "../../../js/entry/node.ts";
import {
  type Behaviour,
  changed,
  chunked,
  completion,
  events,
  half,
  Misbehaving,
  nothing,
  packed,
  redirect,
  reset,
  says,
  well,
  whilst,
  whole,
} from "./server.ts";

const endpoint = "/v1/chat/completions";
const server = new Misbehaving();
before(() => server.listen());
after(() => server.close());

/** A line of an output or error file. */
interface Line {
  custom_id: string;
  response: { status_code: number; body: Record<string, unknown> } | null;
  error: { code: string; message: string } | null;
}

interface Ran {
  batch: Batch;
  output: Line[];
  errors: Line[];
  /** How often each line was called, in their order. */
  calls: number[];
  waits: BatchWait[];
}

let runs = 0;

/** Runs lines against a server that treats them so. The last ones name the model `odd`. A wait that is `enough` has it cancelled. */
async function run(
  behave: Behaviour,
  { lines = 20, odd = 0, enough = (_: BatchWait): boolean => false } = {},
): Promise<Ran> {
  const name = `run-${runs++}`;
  const files = new MemoryFiles();
  const inference = fetchInference({ baseUrl: server.add(name, behave) });
  const batches = new Batches({ kv: new MemoryKV(), files, inference, models: anyModel });
  const ids = Array.from({ length: lines }, (_, i) => `line ${i}`);
  const text = ids.map((custom_id, i) => {
    // The odd ones stand in the middle: others are answered before and after.
    const model = i >= 5 && i < 5 + odd ? "odd" : "m";
    const body = { model, messages: [{ role: "user", content: custom_id }] };
    return `${JSON.stringify({ custom_id, method: "POST", url: endpoint, body })}\n`;
  });
  const { id: input_file_id } = await files.add("in.jsonl", text.join(""));
  const { id } = await batches.create({ input_file_id, endpoint, completion_window: "24h" });
  const waits: BatchWait[] = [];
  let cancelled = false;
  const onProgress = ({ edgebatch }: Batch) => {
    const waiting = edgebatch?.waiting;
    if (waiting === undefined) return;
    waits.push(waiting);
    if (enough(waiting) && !cancelled) {
      cancelled = true;
      void batches.cancel(id);
    }
  };
  const batch = await batches.wait(id, { pollMs: 20, onProgress });
  await batches.stop();
  const read = async (file: string | null) => {
    const lines: Line[] = [];
    for await (const line of readLines(files, file)) lines.push(JSON.parse(line));
    return lines;
  };
  const [output, errors] = [await read(batch.output_file_id), await read(batch.error_file_id)];
  assert.equal(output.length + errors.length, lines, "every line is in one of the files");
  const made = server.calls(name);
  return { batch, output, errors, calls: ids.map((id) => made.get(id) ?? 0), waits };
}

const counts = (total: number, completed: number) => ({ total, completed, failed: total - completed });
const error = (code: unknown, message = "no") => ({ error: { message, code } });
/** Treats the odd model so, and the others well, some time later: they are answered meanwhile. */
const odd =
  (behave: Behaviour): Behaviour =>
  (call) =>
    call.model === "odd" ? behave(call) : void setTimeout(() => well(call), 150);

suite("A whole answer is bought once, and counts", { concurrency: true }, () => {
  const text = (content: string) => changed('"ok"', JSON.stringify(content));
  const utf8 = (before: string, bytes: number[], after: string) => {
    const [start, end] = whole.split('"ok"') as [string, string];
    return Buffer.concat([
      Buffer.from(`${start}"${before}`),
      Buffer.from(bytes),
      Buffer.from(`${after}"${end}`),
    ]);
  };
  const usage = (from: string, to: string) => says(200, changed(from, to));
  /** What the server does, and what it said, where that is not "ok". */
  const cases: Record<string, [behave: Behaviour, content?: string]> = {
    "as it should be": [well],
    "packed with gzip": [packed.gzip],
    "packed with brotli": [packed.br],
    "in chunks of a byte": [chunked],
    "over many lines": [says(200, JSON.stringify(completion, null, 2).replaceAll("\n", "\r\n"))],
    "behind a byte order mark": [says(200, `\ufeff${whole}`)],
    "with half a character": [says(200, utf8("a", [0xe4, 0xbd], "b")), "a\ufffdb"],
    "in Latin-1": [
      says(200, utf8("caf", [0xe9], ""), { "content-type": "application/json; charset=iso-8859-1" }),
      "caf\ufffd",
    ],
    "with raw control characters": [says(200, changed('"ok"', '"a\tb\u0001\n"')), "a\tb\u0001\n"],
    "with half a surrogate pair": [says(200, changed('"ok"', '"a\\ud83d"')), "a\ufffd"],
    "with line ends of other readers": [says(200, text("a\u2028b\u2029c\u0085d")), "a\u2028b\u2029c\u0085d"],
    "called HTML": [says(200, whole, { "content-type": "text/html" })],
    "with status 201": [says(201, whole)],
    "with an error that is null": [says(200, changed('"id":', '"error":null,"id":'))],
    "with tokens as floats": [usage('"prompt_tokens":3,', '"prompt_tokens":3.0,')],
    "after a redirect on the same host": [
      ({ request, ...call }) => {
        if (request.url?.endsWith("?again")) well({ request, ...call });
        else redirect(307, (path) => `${path}?again`)({ request, ...call });
      },
    ],
  };
  for (const [name, [behave, content = "ok"]] of Object.entries(cases)) {
    test(name, async () => {
      const { batch, output, calls, waits } = await run(behave);
      assert.deepEqual([batch.status, batch.request_counts], ["completed", counts(20, 20)]);
      const hops = name.includes("redirect") ? 2 : 1;
      assert.deepEqual(calls, Array(20).fill(hops));
      assert.deepEqual(waits, []);
      for (const [i, { custom_id, response, error }] of output.entries()) {
        assert.deepEqual([custom_id, error], [`line ${i}`, null]);
        const body = (response?.body ?? assert.fail()) as unknown as typeof completion;
        assert.equal(body.choices[0]?.message.content, content);
      }
      const { input_tokens, output_tokens, total_tokens } = batch.usage;
      assert.deepEqual([input_tokens, output_tokens, total_tokens], [60, 40, 100]);
    });
  }

  test("an empty object", async () => {
    const { batch, output, calls } = await run(says(200, {}));
    assert.deepEqual([batch.request_counts, batch.usage.total_tokens], [counts(20, 20), 0]);
    assert.deepEqual([calls, output[0]?.response?.body], [Array(20).fill(1), {}]);
  });

  test("with more tokens than any number holds", async () => {
    const { batch, output, calls } = await run(
      usage('"total_tokens":5', '"total_tokens":18446744073709551615'),
    );
    assert.deepEqual([batch.request_counts, calls], [counts(20, 20), Array(20).fill(1)]);
    assert.equal(output.length, 20);
    const { input_tokens, total_tokens } = batch.usage;
    assert.equal(input_tokens, 60);
    assert.ok(Number.isFinite(total_tokens) && total_tokens >= 100, `${total_tokens}`);
  });

  test("of 7 MiB", async () => {
    const { batch, output, calls } = await run(says(200, text("x".repeat(7 << 20))), { lines: 3 });
    assert.deepEqual([batch.request_counts, calls], [counts(3, 3), [1, 1, 1]]);
    assert.ok(output.every(({ response }) => JSON.stringify(response).length > 7 << 20));
  });
});

suite("A whole answer that is none is bought once too", { concurrency: true }, () => {
  const deep = changed('"index":0', `"index":0,"x":${"[".repeat(200)}${"]".repeat(200)}`);
  const list = '{"object":"list","data":[{"index":0,"embedding":[NaN,0.1]}],"usage":{"total_tokens":3}}';
  for (const [name, text] of [
    ["with -Infinity", changed('"index":0', '"index":0,"logprobs":{"content":[{"logprob":-Infinity}]}')],
    ["with NaN in a list", list],
    ["nested 200 deep", deep],
  ] as const) {
    test(`${name}, and kept as text`, async () => {
      const { batch, errors, calls, waits } = await run(says(200, text));
      assert.deepEqual([batch.status, batch.request_counts], ["completed", counts(20, 0)]);
      assert.deepEqual([calls, waits], [Array(20).fill(1), []]);
      for (const { response, error } of errors) {
        assert.deepEqual([response?.status_code, error?.code], [502, "invalid_response"]);
        assert.equal(response?.body.text, text);
        assert.match(error?.message ?? "", /answered with status 200 and JSON that not every reader takes/);
      }
    });
  }

  test("of 9 MiB, where 8 are the most", async () => {
    const { batch, errors, calls, waits } = await run(says(200, changed('"ok"', `"${"x".repeat(9 << 20)}"`)));
    assert.deepEqual([batch.request_counts, calls, waits], [counts(20, 0), Array(20).fill(1), []]);
    for (const { response, error } of errors) {
      assert.deepEqual([response, error?.code], [null, "response_too_large"]);
      assert.match(error?.message ?? "", /more than 8388608 bytes/);
    }
  });

  test("that refuses the request itself", async () => {
    for (const status of [400, 413, 422]) {
      const { batch, errors, calls, waits } = await run(says(status, error("bad_one")));
      assert.deepEqual([batch.request_counts, calls, waits], [counts(20, 0), Array(20).fill(1), []]);
      for (const { response, error } of errors) {
        assert.deepEqual([response?.status_code, error?.code], [status, "bad_one"]);
      }
    }
    // The same, told with status 200.
    const { errors, calls } = await run(says(200, error(400)));
    assert.deepEqual([errors[0]?.response?.status_code, calls], [400, Array(20).fill(1)]);
  });
});

suite("A server that answers nobody is waited for, and costs no line anything", { concurrency: true }, () => {
  const page = "<!DOCTYPE html><title>Sign in</title>";
  const quota = { error: { message: "no money", type: "insufficient_quota", code: "insufficient_quota" } };
  type Told = [behave: Behaviour, reason: string, status: number | null, message: RegExp];
  const cases: Record<string, Told> = {
    "HTML with status 200": [says(200, page), "failing", 502, /status 200 and no JSON object: <!DOCTYPE/],
    "nothing with status 200": [says(200, ""), "failing", 502, /status 200 and no JSON object/],
    null: [says(200, "null"), "failing", 502, /no JSON object: null/],
    "a string": [says(200, '"please wait"'), "failing", 502, /no JSON object: "please wait"/],
    "a list": [says(200, "[]"), "failing", 502, /no JSON object: \[\]/],
    "an error with code 502": [says(200, error(502, "provider")), "failing", 502, /^provider$/],
    "an error with code 429": [says(200, error(429, "too many")), "overloaded", 429, /^too many$/],
    "an event stream": [events, "failing", 502, /no JSON object: data: /],
    "status 204": [nothing, "failing", 502, /status 204 and no JSON object/],
    "a redirect to another host": [
      redirect(308, "https://other.example/v1"),
      ...(["refused", null, /308, a redirect to https:\/\/other\.example\/v1/] as const),
    ],
    "a reset": [reset, "overloaded", null, /could not be reached: /],
    "half an answer, then a reset": [half("reset"), "overloaded", null, /could not be reached: /],
    "half an answer, then the end": [half("close"), "overloaded", null, /could not be reached: /],
    401: [says(401, error("invalid_api_key", "expired")), "refused", 401, /^expired$/],
    402: [says(402, error(402, "no credits")), "refused", 402, /^no credits$/],
    404: [says(404, error("model_not_found", "no model")), "refused", 404, /^no model$/],
    "429 for want of money": [says(429, quota), "refused", 429, /^no money$/],
    "429 for a day": [
      says(429, error("429", "tomorrow"), { "retry-after": "86400" }),
      ...(["overloaded", 429, /^tomorrow$/] as const),
    ],
    "500 with HTML": [says(500, page), "failing", 500, /./],
    "503 while it loads": [says(503, error(503, "Loading model")), "overloaded", 503, /^Loading model$/],
  };
  for (const [name, [behave, reason, status, message]] of Object.entries(cases)) {
    test(name, async () => {
      const { batch, output, errors, calls, waits } = await run(behave, { enough: () => true });
      assert.deepEqual([batch.status, batch.request_counts.completed], ["cancelled", 0]);
      const [wait] = waits as [BatchWait];
      assert.deepEqual([wait.reason, wait.status ?? null], [reason, status]);
      assert.match(wait.message, message);
      const ahead = wait.until - Date.now() / 1000;
      assert.ok(ahead <= 601, `${ahead} s ahead`);
      if (name.includes("a day")) assert.ok(ahead > 500, `${ahead} s ahead`);
      assert.deepEqual(output, []);
      for (const { response, error } of errors) {
        assert.deepEqual([response, error?.code], [null, "batch_cancelled"]);
      }
      const all = calls.reduce((sum, count) => sum + count, 0);
      assert.ok(all < 100, `${all} calls`);
    });
  }
});

suite("A server that comes back is asked again, for every line", { concurrency: true }, () => {
  const seconds = (count: number) => (call: { since: number }) => call.since < count * 1_000;
  const third = (call: { ofRun: number }) => call.ofRun % 3 === 0;
  const dated: Behaviour = (call) => {
    const soon = new Date(Date.now() + 3_000).toUTCString();
    says(429, error("rate_limit_exceeded"), { "retry-after": soon })(call);
  };
  const cases: Record<string, [behave: Behaviour, most: number]> = {
    "503 while it loads": [whilst(seconds(4), says(503, error(503, "Loading model"))), 400],
    "502 with HTML": [whilst(seconds(4), says(502, "<html>bad gateway</html>")), 400],
    "429 with Retry-After of 0": [whilst(seconds(3), says(429, error(429), { "retry-after": "0" })), 400],
    "429 with Retry-After of 1": [whilst(seconds(3), says(429, error(429), { "retry-after": "1" })), 400],
    "429 with a date": [whilst(({ ofRun }) => ofRun <= 10, dated), 120],
    "a reset": [whilst(third, reset), 220],
    "half an answer": [whilst(third, half("close")), 220],
    "HTML with status 200": [whilst(third, says(200, "<html>wait</html>")), 220],
    "401 until the key is mended": [whilst(seconds(3), says(401, error("invalid_api_key"))), 400],
  };
  for (const [name, [behave, most]] of Object.entries(cases)) {
    test(name, async () => {
      const { batch, calls } = await run(behave, { lines: 100 });
      assert.deepEqual([batch.status, batch.request_counts], ["completed", counts(100, 100)]);
      assert.equal("edgebatch" in batch, false);
      const all = calls.reduce((sum, count) => sum + count, 0);
      assert.ok(all <= most, `${all} calls`);
      assert.equal(batch.usage.total_tokens, 500);
    });
  }
});

suite("A model that alone is treated so has its tries, and the others are not held up", {
  concurrency: true,
}, () => {
  type Ends = [behave: Behaviour, status: number, code: string, calls: [least: number, most: number]];
  const cases: Record<string, Ends> = {
    400: [says(400, error("bad_one")), 400, "bad_one", [1, 1]],
    401: [says(401, error("invalid_api_key")), 401, "invalid_api_key", [2, 5]],
    402: [says(402, error("no_credits")), 402, "no_credits", [2, 5]],
    404: [says(404, error("model_not_found")), 404, "model_not_found", [2, 5]],
    500: [says(500, error("internal")), 500, "internal", [5, 12]],
    "HTML with status 200": [says(200, "<html>"), 502, "invalid_response", [5, 12]],
    null: [says(200, "null"), 502, "invalid_response", [5, 12]],
    "an error with status 200": [says(200, error(502)), 502, "request_failed", [5, 12]],
    "an event stream": [events, 502, "invalid_response", [5, 12]],
  };
  for (const [name, [behave, status, code, [least, most]]] of Object.entries(cases)) {
    test(name, async () => {
      const { batch, output, errors, calls } = await run(odd(behave), { lines: 100, odd: 2 });
      assert.deepEqual([batch.status, batch.request_counts], ["completed", counts(100, 98)]);
      assert.equal(output.length, 98);
      for (const { response, error } of errors) {
        assert.deepEqual([response?.status_code, error?.code], [status, code]);
      }
      for (const [i, count] of calls.entries()) {
        const isOdd = i === 5 || i === 6;
        assert.ok(isOdd ? count >= least && count <= most : count === 1, `line ${i}: ${count} calls`);
      }
    });
  }
});
