/**
 * One batch of many requests through the Worker in workerd, to the end, while it is killed: `node benches/worker/million.ts
 * [REQUESTS] [IN_FLIGHT] [KILLS] [EVICTION_SECONDS]`, a million with 60 in flight by lanes, 5 SIGKILLs of everything, and no
 * evictions. With EVICTION_SECONDS each object (Runner, lanes, Tenant) dies by itself after about so long, again and again. The model
 * server is in this process, answers at once, and counts what it was asked twice. The platform's limits are around the Worker.
 *
 * Prints a line of JSON every ten seconds, then one with the figures. Ends with status 1 unless every request has exactly
 * one line in the output, in the order of the input.
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { completion } from "../../tests/js/server/suite/upstream.ts";
import { startWorker } from "../../tests/js/worker/server.ts";

const [requests = 1_000_000, inFlight = 60, kills = 5, evictions = 0] = process.argv.slice(2).map(Number);
const calls = new Uint8Array(requests);
const [answer, counts] = [JSON.stringify(completion("yes")), { called: 0, repeated: 0, last: 0 }];

const model = createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    const line = Number(/:(\d+)$/.exec(String(request.headers["idempotency-key"]))?.[1]);
    if (calls[line]) counts.repeated += 1;
    else counts.called += 1;
    calls[line] = (calls[line] ?? 0) + 1;
    counts.last = Date.now();
    response.writeHead(200, { "content-type": "application/json" }).end(answer);
  });
});
await new Promise<void>((next) => model.listen(0, "127.0.0.1", next));

/** In pieces: a million lines are no single string. */
function* lines(): Generator<string> {
  const piece = 10_000;
  for (let from = 0; from < requests; from += piece) {
    const line = (i: number) =>
      JSON.stringify({
        custom_id: `request-${i}`,
        ...{ method: "POST", url: "/v1/chat/completions" },
        body: { model: "echo-1", messages: [{ role: "user", content: `number ${i}` }] },
      });
    const count = Math.min(piece, requests - from);
    yield Array.from({ length: count }, (_, i) => `${line(from + i)}\n`).join("");
  }
}

const sleep = (ms: number) => new Promise((next) => setTimeout(next, ms));
const seconds = (ms: number) => Number((ms / 1_000).toFixed(1));
const worker = await startWorker({
  UPSTREAM_URL: `http://127.0.0.1:${(model.address() as AddressInfo).port}`,
  MAX_CONCURRENT_REQUESTS: String(inFlight),
  MAX_REQUESTS: String(requests),
  MAX_FILE_BYTES: String(1_000 * requests),
  ...{ TURN_SUBREQUESTS: "100000", PLATFORM_LIMITS: "100000" },
  ...(evictions > 0 && { PLATFORM_EVICTIONS: String(evictions) }),
});
const { client } = worker;

/** Again until it is answered: the server is killed meanwhile, and its objects die. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let left = 100; ; left--) {
    try {
      return await work();
    } catch (error) {
      if (left === 0) throw error;
      await sleep(500);
    }
  }
}

try {
  const input = new File([...lines()], "input.jsonl");
  const begun = Date.now();
  const file = await patiently(() => client.files.create({ purpose: "batch", file: input }));
  const batch = {
    ...({ input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" } as const),
  };
  const created = Date.now();
  // Said twice it would be two batches.
  const key = { headers: { "idempotency-key": "the-one" } };
  const { id } = await patiently(() => client.batches.create(batch, key));
  const memory: number[] = [];
  let [killed, downMs, firstCall, printed] = [0, 0, 0, 0];
  for (;;) {
    await sleep(250);
    if (firstCall === 0 && counts.called > 0) firstCall = Date.now();
    if (killed < kills && counts.called > ((killed + 1) * requests) / (kills + 1)) {
      const [at, before] = [Date.now(), counts.called];
      await worker.kill();
      await worker.restart();
      killed += 1;
      while (counts.called === before) await sleep(50);
      downMs += Date.now() - at;
    }
    if (Date.now() - printed < 10_000) continue;
    printed = Date.now();
    const { now } = await worker.memory();
    memory.push(Math.round(now / 1e6));
    const at = seconds(printed - created);
    console.log(JSON.stringify({ at, ...counts, last: undefined, killed, memoryMB: memory.at(-1) }));
    const { status } = await patiently(() => client.batches.retrieve(id));
    if (["completed", "failed", "expired", "cancelled"].includes(status)) break;
  }
  const done = await patiently(() => client.batches.retrieve(id));
  const ended = Number(done.completed_at ?? 0) * 1_000;
  const content = await patiently(() => client.files.content(done.output_file_id as string));
  let written = 0;
  let inOrder = true;
  for await (const line of createInterface({ input: Readable.fromWeb(content.body as never) })) {
    inOrder &&= line.includes(`"custom_id":"request-${written}"`);
    written += 1;
  }
  const result = {
    ...{ requests, inFlight, status: done.status, counts: done.request_counts },
    ...{ uploadSeconds: seconds(created - begun), validatingSeconds: seconds(firstCall - created) },
    ...{ runningSeconds: seconds(counts.last - firstCall), endingSeconds: seconds(ended - counts.last) },
    requestsPerSecond: Math.round((1_000 * requests) / (counts.last - firstCall)),
    ...{ kills: killed, downSeconds: seconds(downMs), evictionSeconds: evictions },
    ...{ calls: counts.called + counts.repeated, repeated: counts.repeated, linesWritten: written, inOrder },
    ...{ memoryMB: { first: memory[0], most: Math.max(...memory), last: memory.at(-1) } },
  };
  console.log(JSON.stringify(result));
  if (written !== requests || !inOrder || done.request_counts?.completed !== requests) process.exitCode = 1;
} finally {
  await worker.stop();
  model.closeAllConnections();
  model.close();
}
