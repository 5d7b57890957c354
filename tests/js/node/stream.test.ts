/** Guards `stream` of `edgebatch serve`: a batch's files are what they are without it, and no fault in a stream is lost. */

import { strict as assert } from "node:assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { folder } from "../cli/command.ts";
import { type Answer, completion, reply, startUpstream, stream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, linesOf } from "../worker/server.ts";
import { serving, stateFolder } from "./serving.ts";

async function upstreamOf(answer: Answer) {
  const upstream = await startUpstream(answer);
  after(() => upstream.close());
  return upstream;
}

/** Output lines without what is of each run alone. */
async function answersOf(args: string[], env: Record<string, string> = {}) {
  const client = (await serving(["--data", stateFolder(), ...args], env)).client();
  const batch = await ended(client, (await createBatch(client, chatLines(50))).id);
  const lines = [batch.output_file_id, batch.error_file_id].map((id) => (id ? linesOf(client, id) : []));
  const all = (await Promise.all(lines)).flat();
  const bodies = all.map(({ custom_id, response }) => [custom_id, response?.status_code, response?.body]);
  return { bodies, counts: batch.request_counts, usage: batch.usage };
}

test("50 requests that are streamed, some through faults, give what they give in one piece", async () => {
  const wanted = (number: number) =>
    number === 7
      ? { error: { message: "too long", code: "context_length_exceeded" } }
      : completion(`Größe ${number} 🦀`);
  const numberOf = (content: string) => Number(content.split(" ")[1]);
  const plain = await upstreamOf(({ content }, response) =>
    reply(response, numberOf(content) === 7 ? 400 : 200, wanted(numberOf(content))),
  );
  let streamed = 0;
  const streaming = await upstreamOf(async ({ content, attempt, body }, response) => {
    assert.deepEqual([body.stream, body.stream_options], [true, { include_usage: true }]);
    streamed += 1;
    const number = numberOf(content);
    const answer = wanted(number);
    if (!("choices" in answer)) return reply(response, 400, answer);
    const faults = [
      () => reply(response, 429, { error: { message: "slow down" } }, { "retry-after": "0.01" }),
      () => reply(response, 503, {}),
      () => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.end('event: error\ndata: {"error":{"message":"busy","code":503}}\n\n');
      },
      () => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write('data: {"choices":[{"index":0,"delta":{"content":"Gr"}}]}\n\n', () =>
          response.destroy(),
        );
      },
    ];
    // Until it has been asked for again.
    if (attempt === 1 && number > 10) {
      const fault = faults[number - 11];
      if (fault) return fault();
    }
    await stream(response, answer);
  });
  const inOnePiece = await answersOf(["--url", plain.url]);
  assert.deepEqual(inOnePiece.counts, { total: 50, completed: 49, failed: 1 });
  assert.deepEqual(await answersOf(["--url", streaming.url, "--stream"]), inOnePiece);
  assert.equal(streamed, 54);
  assert.deepEqual([...streaming.calls.values()].filter((calls) => calls > 1).length, 4);
});

test("each server of a file says by itself whether it streams", async () => {
  const seen: unknown[] = [];
  const upstream = await upstreamOf(async ({ content, body }, response) => {
    seen.push(body.stream);
    if (body.stream) await stream(response, completion(content));
    else reply(response, 200, completion(content));
  });
  const file = join(folder(), "edgebatch.toml");
  const server = (more: string) => `[[server]]\nname = "s"\nurl = "${upstream.url}"\n${more}\n`;
  const cases: [toml: string, env: Record<string, string>, expected: unknown][] = [
    [server(""), {}, undefined],
    [server("stream = true"), {}, true],
    [`stream = true\n${server("stream = false")}`, {}, undefined],
    [server(""), { EDGEBATCH_STREAM: "yes" }, true],
  ];
  for (const [toml, env, expected] of cases) {
    writeFileSync(file, toml);
    seen.length = 0;
    const { counts } = await answersOf(["--config", file], env);
    assert.equal(counts?.completed, 50);
    assert.deepEqual(new Set(seen), new Set([expected]));
  }
});
