/** Guards who may call a model server when: limits, interactive calls first, fair waiting, servers that are left out. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { PassedCall } from "../../../js/server/upstreams/types.ts";
import { ModelServers, type UpstreamsOptions } from "../../../js/server/upstreams/upstreams.ts";
import { ManualClock, request, type Scripted, scripted, settled } from "./model-servers.ts";

const never = new AbortController().signal;

function setUp(servers: Scripted[], clock: ManualClock, more: Partial<UpstreamsOptions> = {}) {
  const upstreams = new ModelServers({ servers, clock, ...more });
  /** Sends a request of a batch; what becomes of it is in the list that is given. */
  const infer = (tenant: string, batch: string, pool?: string, ended: string[] = []) => {
    const sent = upstreams.inference(tenant, batch).infer(request(pool), never);
    return sent.then(
      ({ status }) => void ended.push(`${tenant} ${batch} ${status}`),
      (error) => void ended.push(`${tenant} ${batch} ${error.name}`),
    );
  };
  const pass = (more: Partial<PassedCall> = {}) =>
    upstreams.pass({
      ...{ path: "/v1/chat/completions", tenant: "t", model: undefined },
      ...{ headers: new Headers(), body: null, signal: never, ...more },
    });
  return { upstreams, infer, pass };
}

/** A server whose interactive answers are ended by the test. */
function holding(name: string, clock: ManualClock, concurrency = 4, ms = 100): Scripted & { end(): void } {
  const held: ReadableStreamDefaultController[] = [];
  const server = scripted(name, { concurrency, answer: () => clock.sleep(ms).then(() => 200) });
  return Object.assign(server, {
    async call() {
      return new Response(new ReadableStream({ start: (controller) => void held.push(controller) }));
    },
    end: () => held.shift()?.close(),
  });
}

test("a server has no more requests of batches at once than its concurrency, and those that wait come by and by", async () => {
  const clock = new ManualClock();
  const server = scripted("a", { answer: () => clock.sleep(100).then(() => 200) });
  const { infer, upstreams } = setUp([server], clock);
  const ended: string[] = [];
  for (let i = 0; i < 12; i++) void infer("t", "b", undefined, ended);
  await settled();
  assert.deepEqual([server.open.size, upstreams.stats.servers()[0]?.waiting], [4, 8]);
  await clock.pass(250);
  assert.equal(ended.length, 8);
  await clock.pass(100);
  assert.deepEqual([ended.length, server.most, upstreams.stats.servers()[0]?.inFlight.batch], [12, 4, 0]);
});

test("what waited two seconds is handed back unsent", async () => {
  const clock = new ManualClock();
  const server = scripted("a", { concurrency: 1, answer: () => clock.sleep(5_000).then(() => 200) });
  const { infer, upstreams } = setUp([server], clock);
  const ended: string[] = [];
  void infer("t", "long", undefined, ended);
  await settled();
  void infer("t", "late", undefined, ended);
  await clock.pass(1_999);
  assert.deepEqual(ended, []);
  await clock.pass(1);
  assert.deepEqual(ended, ["t late NotSentError"]);
  assert.deepEqual([server.asked.length, upstreams.stats.notSent()], [1, 1]);
  assert.equal(upstreams.stats.servers()[0]?.waiting, 0);
});

test("one that waits and is aborted leaves the queue; the others are served", async () => {
  const clock = new ManualClock();
  const server = scripted("a", { concurrency: 1, answer: () => clock.sleep(100).then(() => 200) });
  const { infer, upstreams } = setUp([server], clock);
  const ended: string[] = [];
  void infer("t", "first", undefined, ended);
  const control = new AbortController();
  const gone = upstreams.inference("t", "gone").infer(request(), control.signal);
  void infer("t", "last", undefined, ended);
  await settled();
  control.abort(new Error("cancelled"));
  await assert.rejects(gone, /cancelled/);
  await clock.pass(200);
  assert.deepEqual([ended, server.asked.length], [["t first 200", "t last 200"], 2]);
});

test("those who wait are served round robin over tenants, then over a tenant's batches, and in order within a batch", async () => {
  const clock = new ManualClock();
  const server = scripted("a", { concurrency: 1, answer: () => clock.sleep(10).then(() => 200) });
  const { infer } = setUp([server], clock);
  const ended: string[] = [];
  void infer("x", "0", undefined, ended);
  await settled();
  for (const batch of ["1", "1", "1", "1", "2", "2"]) void infer("x", batch, undefined, ended);
  for (const batch of ["3", "3"]) void infer("y", batch, undefined, ended);
  await clock.pass(1_000);
  const order = ended.slice(1).map((text) => text.replace(" 200", ""));
  assert.deepEqual(order, ["x 1", "y 3", "x 2", "y 3", "x 1", "x 2", "x 1", "x 1"]);
});

test("an interactive call goes at once, and batches have what is left", async () => {
  const clock = new ManualClock();
  const server = holding("a", clock);
  const { infer, pass, upstreams } = setUp([server], clock);
  for (let i = 0; i < 8; i++) void infer("t", "b");
  await settled();
  assert.equal(server.open.size, 4);
  const answers = [await pass(), await pass(), await pass()];
  assert.equal(upstreams.stats.servers()[0]?.inFlight.interactive, 3);
  assert.equal(upstreams.inference("t", "b").allowance?.(""), 1);
  await clock.pass(100);
  // The four have ended; beside three interactive calls one more is sent.
  assert.equal(server.open.size, 1);
  for (const answer of answers) {
    server.end();
    await answer.text();
  }
  await settled();
  assert.equal(server.open.size, 4);
  await clock.pass(100);
  assert.equal(upstreams.stats.servers()[0]?.inFlight.interactive, 0);
});

test("where interactive calls take everything, one request of batches a second is sent all the same", async () => {
  const clock = new ManualClock();
  const server = holding("a", clock, 2);
  const { infer, pass } = setUp([server], clock);
  await Promise.all([pass(), pass(), pass()]);
  const ended: string[] = [];
  const loop = async () => {
    for (;;) await infer("t", "b", undefined, ended);
  };
  void loop();
  void loop();
  await clock.pass(10_000);
  const sent = server.asked.length;
  assert.ok(sent >= 9 && sent <= 11 && server.most === 1, `${sent} were sent, ${server.most} at once`);
});

test("where interactive calls do not come first, they wait for a place in their turn", async () => {
  const clock = new ManualClock();
  const server = holding("a", clock, 1);
  const { infer, pass } = setUp([server], clock, { interactiveFirst: false });
  void infer("t", "b");
  await settled();
  let answered = false;
  void pass({ tenant: "u" }).then(() => {
    answered = true;
  });
  await clock.pass(99);
  assert.equal(answered, false);
  await clock.pass(1);
  assert.equal(answered, true);
});

test("of several servers the least loaded one is asked, within its concurrency", async () => {
  const clock = new ManualClock();
  const [small, large] = [2, 6].map((concurrency) =>
    scripted(`s${concurrency}`, {
      ...{ concurrency, models: ["m"], answer: () => clock.sleep(100).then(() => 200) },
    }),
  ) as [Scripted, Scripted];
  const { infer, upstreams } = setUp([small, large], clock);
  const pool = upstreams.models().pool?.("m") as string;
  for (let i = 0; i < 4; i++) void infer("t", "b", pool);
  await settled();
  assert.deepEqual([small.open.size, large.open.size], [1, 3]);
  for (let i = 0; i < 8; i++) void infer("t", "b", pool);
  await settled();
  assert.deepEqual([small.open.size, large.open.size], [2, 6]);
  assert.equal(upstreams.inference("t", "b").allowance?.(pool), 8);
});

/** A pool of one server that may be down, and a good one. Sends four requests at a time. */
function withBad(clock: ManualClock, bad: Scripted) {
  const { infer, pass, upstreams } = setUp([bad, scripted("good", { models: ["m"] })], clock);
  const pool = upstreams.models().pool?.("m") as string;
  const allowance = () => upstreams.inference("t", "b").allowance?.(pool);
  const send = async () => {
    await Promise.all(Array.from({ length: 4 }, () => infer("t", "b", pool)));
    await settled();
  };
  return { send, pass, allowance, isLeftOut: () => upstreams.stats.servers()[0]?.leftOut };
}

test("a server that fails three times in a row is left out, probed by one request, and longer each time", async () => {
  const clock = new ManualClock();
  let status = 503;
  const bad = scripted("bad", { models: ["m"], answer: async () => status });
  const { send, allowance, isLeftOut } = withBad(clock, bad);
  while (!isLeftOut()) await send();
  assert.equal(allowance(), 4);
  let seen = bad.asked.length;
  for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
    await clock.pass(seconds * 1_000 - 1);
    await send();
    assert.equal(bad.asked.length, seen, `after ${seconds} s`);
    await clock.pass(1);
    await send();
    await send();
    seen += 1;
    assert.equal(bad.asked.length, seen, `it is probed once after ${seconds} s`);
  }
  status = 200;
  await clock.pass(60_000);
  await send();
  await send();
  assert.equal(isLeftOut(), false);
  await clock.pass(50);
  assert.equal(allowance(), 8);
});

test("one that cannot be reached costs no further request until it gives a sign of life", async () => {
  const clock = new ManualClock();
  let isDown = true;
  let signs = 0;
  const fail = () => Promise.reject(new TypeError("fetch failed"));
  const bad = scripted("bad", {
    ...{ models: ["m"], answer: () => (isDown ? fail() : Promise.resolve(200)) },
    call: async () => {
      signs += 1;
      return isDown ? fail() : new Response(null, { status: 404 });
    },
  });
  const { send, isLeftOut } = withBad(clock, bad);
  while (!isLeftOut()) await send();
  const seen = bad.asked.length;
  for (const [i, seconds] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
    await clock.pass(seconds * 1_000);
    for (let again = 0; again < 3; again++) await send();
    assert.deepEqual([bad.asked.length, signs], [seen, i + 1]);
  }
  isDown = false;
  await clock.pass(60_000);
  await send();
  await send();
  assert.equal(isLeftOut(), false);
});

test("errors of single requests leave no server out: 429, 500, and times that run out", async () => {
  const clock = new ManualClock();
  const late = Object.assign(new Error("late"), { name: "TimeoutError" });
  const answers = [async () => 429, async () => 500, () => Promise.reject(late)];
  const servers = answers.map((answer, i) => scripted(`s${i}`, { models: ["m"], answer }));
  const { infer, upstreams } = setUp(servers, clock);
  const pool = upstreams.models().pool?.("m") as string;
  for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 9 }, () => infer("t", "b", pool)));
  for (const [i, stats] of upstreams.stats.servers().entries()) {
    assert.equal(stats.leftOut, false, stats.name);
    assert.equal(stats.outcomes.batch.get(([429, 500, "timeout"] as const)[i] as number), 30);
    assert.equal(stats.latency.batch.count, 30);
  }
});

test("when all servers of a pool are left out, one is called all the same, so that the run sees the trouble", async () => {
  const clock = new ManualClock();
  const servers = ["a", "b"].map((name) => scripted(name, { models: ["m"], answer: async () => 503 }));
  const { infer, upstreams } = setUp(servers, clock);
  const pool = upstreams.models().pool?.("m") as string;
  const ended: string[] = [];
  for (let i = 0; i < 20; i++) await infer("t", "b", pool, ended);
  assert.ok(upstreams.stats.servers().every(({ leftOut }) => leftOut));
  assert.equal(ended.length, 20);
  assert.ok(ended.every((text) => text === "t b 503"));
});

test("an interactive call is no probe while batches run", async () => {
  const clock = new ManualClock();
  const bad = scripted("bad", { models: ["m"], answer: async () => 503 });
  const good = scripted("good", { models: ["m"], answer: () => clock.sleep(10_000).then(() => 200) });
  const { infer, pass, upstreams } = setUp([bad, good], clock);
  const pool = upstreams.models().pool?.("m") as string;
  for (let i = 0; i < 8 && !upstreams.stats.servers()[0]?.leftOut; i++) {
    void infer("t", "b", pool);
    await settled();
  }
  void infer("t", "b", pool);
  await clock.pass(1_500);
  const passed = ({ calls }: Scripted) => calls.filter(({ init }) => init.method === "POST").length;
  for (let i = 0; i < 5; i++) await pass({ model: "m" });
  assert.deepEqual([passed(bad), passed(good)], [0, 5]);
  await clock.pass(10_000);
  for (let i = 0; i < 2; i++) await pass({ model: "m" });
  assert.deepEqual([passed(bad), passed(good)], [1, 6]);
});

test("the only server is never left out; nor is one left out by calls that were sent while it was", async () => {
  const clock = new ManualClock();
  const only = scripted("a", { answer: async () => 503 });
  const alone = setUp([only], clock);
  for (let i = 0; i < 10; i++) await alone.infer("t", "b");
  assert.deepEqual([only.asked.length, alone.upstreams.stats.servers()[0]?.leftOut], [10, false]);

  const answer = () => clock.sleep(100).then(() => 503);
  const bad = scripted("bad", { models: ["m"], concurrency: 10, answer });
  const { infer, upstreams } = setUp([bad, scripted("good", { models: ["m"] })], clock);
  const pool = upstreams.models().pool?.("m") as string;
  for (let i = 0; i < 20; i++) void infer("t", "b", pool);
  await clock.pass(100);
  // Ten have failed at once, and count for the first time it is left out alone.
  const before = bad.asked.length;
  await clock.pass(1_000);
  await infer("t", "b", pool);
  void infer("t", "b", pool);
  await clock.pass(100);
  assert.equal(bad.asked.length, before + 1);
});

test("once it is stopped, what waits is handed back and nothing more of batches is sent; calls are passed on", async () => {
  const clock = new ManualClock();
  const server = scripted("a", { concurrency: 1, answer: () => clock.sleep(100).then(() => 200) });
  const { infer, pass, upstreams } = setUp([server], clock);
  const ended: string[] = [];
  for (let i = 0; i < 3; i++) void infer("t", "b", undefined, ended);
  await settled();
  upstreams.stop();
  await settled();
  assert.deepEqual(ended, ["t b NotSentError", "t b NotSentError"]);
  await infer("t", "b", undefined, ended);
  assert.equal((await pass()).status, 200);
  await clock.pass(100);
  assert.deepEqual([ended[3], server.asked.length], ["t b 200", 1]);
});

test("why a batch's request had no answer is logged in full, once a minute, and told without an address", async (t) => {
  const lines: Record<string, unknown>[] = [];
  t.mock.method(console, "warn", (line: string) => lines.push(JSON.parse(line)));
  const secret = "sk-of-the-server";
  const cause = Object.assign(new Error(`connect ECONNREFUSED 10.1.2.3:18006 ${secret}`), {
    code: "ECONNREFUSED",
  });
  const named = (name: string) => Object.assign(new Error("http://10.1.2.3 is no good"), { name });
  let error: Error = new TypeError("fetch failed", { cause: new AggregateError([cause]) });
  const clock = new ManualClock();
  const answer = () => Promise.reject(error);
  const upstreams = new ModelServers({ servers: [scripted("a", { secrets: [secret], answer })], clock });
  const infer = () => upstreams.inference("t", "b").infer(request(), new AbortController().signal);
  await assert.rejects(infer(), { name: "Error", message: "The connection failed (ECONNREFUSED)." });
  await assert.rejects(infer());
  const message = "fetch failed: connect ECONNREFUSED 10.1.2.3:18006 ***";
  const line = { event: "upstream.failed", server: "a", reason: "unreachable", error: "TypeError", message };
  assert.deepEqual(lines, [line]);
  await clock.pass(60_000);
  await assert.rejects(infer());
  assert.deepEqual(lines, [line, line]);
  for (const name of ["TimeoutError", "RedirectError"]) {
    error = named(name);
    await assert.rejects(infer(), (shown: Error) => shown.name === name && !shown.message.includes("10.1"));
  }
});
