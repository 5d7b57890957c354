/** Guards what a tenant may keep, queue and ask for: where it ends, what is said then, and that clients get on with it. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import OpenAI, { RateLimitError } from "openai";
import "../../../js/entry/node.ts";
import { echoInference, echoModels } from "../../../js/hosts/inference/echo.ts";
import { MemoryKV } from "../../../js/hosts/kv/memory.ts";
import { app } from "../../../js/server/app.ts";
import { CALLS, FILE_TOTALS } from "../../../js/server/keys.ts";
import type { Ports, Quotas } from "../../../js/server/ports.ts";
import { type Level, take } from "../../../js/server/rate.ts";
import type { TenantService } from "../../../js/server/tenant/service.ts";
import { memoryBlobs, ports, tenant } from "./memory.ts";

const params = { endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
const rateNames = [
  "x-ratelimit-limit-requests",
  "x-ratelimit-remaining-requests",
  "x-ratelimit-reset-requests",
];
const rateOf = ({ headers }: Response) => rateNames.map((name) => headers.get(name));

async function entry(name: string, key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  return `${name}:${Buffer.from(digest).toString("hex")}`;
}

/** The server with these quotas, for everyone without a key. */
function withQuotas(quotas: Partial<Quotas>) {
  const none = { files: Infinity, storedBytes: Infinity, queuedBatches: Infinity, queuedRequests: Infinity };
  const service = { autostart: false, inference: echoInference(), models: echoModels };
  const settings = { service, quotas: { ...none, ...quotas }, isRevoked: () => false };
  const blobs = memoryBlobs();
  const made = tenant(new MemoryKV(), blobs, { settings });
  return { ...made, ...clients(ports({ tenant: () => made.service, blobs })), blobs };
}

/** The server with a rate, for alice and bob, whose keys are their names. */
async function withRate(requestsPerMinute: number) {
  const services = new Map<string, TenantService>();
  const plain = ports();
  const here = ports({
    keys: { API_KEYS: `${await entry("alice", "alice")},${await entry("bob", "bob")}` },
    settings: () => ({ ...plain.settings(), requestsPerMinute }),
    tenant: (name) => {
      if (!services.has(name)) services.set(name, tenant().service);
      return services.get(name) as TenantService;
    },
  });
  return { ...clients(here), services };
}

/** Calls over ports, by hand and by OpenAI's client. */
function clients(here: Ports) {
  const statuses: number[] = [];
  const call = async (path: string, init: RequestInit = {}) => {
    const answer = await app.fetch(new Request(`http://localhost${path}`, init), here);
    statuses.push(answer.status);
    return answer;
  };
  const as = (name: string) => ({ headers: { authorization: `Bearer ${name}` } });
  const openai = (apiKey: string, maxRetries: number) =>
    new OpenAI({
      ...{ baseURL: "http://localhost/v1", apiKey, maxRetries },
      fetch: (input, init) => call(String(input).replace("http://localhost", ""), init as RequestInit),
    });
  return { call, as, openai, statuses };
}

/** What becomes of calls at these times: those that are let in, and how long the others are to wait. */
function said(limit: number, times: number[], before: Level | null = null) {
  let level = before;
  return times.map((time) => {
    const { level: next, allowance } = take(level, limit, time);
    level = next;
    return allowance.granted ? allowance.remaining : `wait ${allowance.retryMs}`;
  });
}

test("a minute's calls may come at once, and then one for each part of the minute that has passed", () => {
  assert.deepEqual(said(3, [0, 0, 0, 0]), [2, 1, 0, "wait 20000"]);
  assert.deepEqual(said(3, [0, 0, 0, 19_999, 20_000, 20_000, 90_000]), [
    ...[2, 1, 0, "wait 1", 0],
    ...["wait 20000", 2],
  ]);
  // Sevenths of a minute are no numbers: after each of them there is one call all the same.
  const sevenths = Array.from({ length: 50 }, (_, i) => Math.ceil((i * 60_000) / 7));
  assert.deepEqual(said(7, [...Array(7).fill(0), ...sevenths.slice(1)]).slice(7), Array(49).fill(0));
  assert.deepEqual(said(1, [0, 1, 59_999, 60_000]), [0, "wait 59999", "wait 1", 0]);
});

test("a clock that is set back locks nobody out and lets nobody in; one that is set forward fills the bucket", () => {
  const hour = 3_600_000;
  assert.deepEqual(said(2, [hour, hour, hour, 0, 29_999, 30_000, 30_000]), [
    ...[1, 0, "wait 30000", "wait 30000"],
    ...["wait 1", 0, "wait 30000"],
  ]);
  assert.deepEqual(said(2, [0, 0, hour, hour, hour]), [1, 0, 1, 0, "wait 30000"]);
  // A limit that was lowered holds at once.
  assert.deepEqual(said(2, [0, 0, 0], { tokens: 500, at: 0 }), [1, 0, "wait 30000"]);
});

test("each answer says how many calls are left, and one too many is refused as OpenAI refuses it, for its tenant alone", async () => {
  const { call, as } = await withRate(2);
  const first = await call("/v1/models", as("alice"));
  assert.deepEqual([first.status, ...rateOf(first)], [200, "2", "1", "30s"]);
  // An error is a call as well.
  const second = await call("/v1/files/none", as("alice"));
  assert.deepEqual([second.status, ...rateOf(second).slice(0, 2)], [404, "2", "0"]);
  assert.match(second.headers.get("x-ratelimit-reset-requests") ?? "", /^(1m0s|59(\.\d+)?s)$/);
  const third = await call("/v1/batches", { ...as("alice"), method: "POST", body: "no JSON" });
  assert.deepEqual([third.status, ...rateOf(third).slice(0, 2)], [429, "2", "0"]);
  const { error } = await third.json();
  assert.match(
    error.message,
    /^Rate limit reached on requests per min \(RPM\): Limit 2, Used 2, Requested 1\. Please try again in [\d.]+m?s\.$/,
  );
  delete error.message;
  assert.deepEqual(error, { type: "requests", param: null, code: "rate_limit_exceeded" });
  const ms = Number(third.headers.get("retry-after-ms"));
  assert.ok(Number.isInteger(ms) && ms > 20_000 && ms <= 30_000);
  assert.equal(third.headers.get("retry-after"), String(Math.ceil(ms / 1_000)));
  assert.equal(third.headers.get("x-should-retry"), null);
  const exposed = (third.headers.get("access-control-expose-headers") ?? "").split(", ");
  for (const name of [...rateNames, "retry-after", "retry-after-ms"]) assert.ok(exposed.includes(name), name);

  const other = await call("/v1/models", as("bob"));
  assert.deepEqual([other.status, ...rateOf(other).slice(0, 2)], [200, "2", "1"]);
});

test("what is of no tenant is not counted, nor is a browser's question whether it may call", async () => {
  const { call, as, services } = await withRate(1);
  for (const path of ["/v1/models", "/health"]) {
    const answer = await call(path, { method: "OPTIONS" });
    assert.deepEqual([answer.status, ...rateOf(answer)], [204, null, null, null]);
  }
  for (let i = 0; i < 3; i++) assert.equal((await call("/v1/models", as("carol"))).status, 401);
  assert.deepEqual([...services.keys()], []);
  assert.equal((await call("/v1/models", as("alice"))).status, 200);
  assert.equal((await call("/health", as("alice"))).status, 200);
  assert.equal((await call("/v1/models", as("alice"))).status, 429);
});

test("without a limit nothing is said of one", async () => {
  const { call } = clients(ports());
  assert.deepEqual(rateOf(await call("/v1/models")), [null, null, null]);
});

test("a service that begins anew goes on where the last one was, but for a part of the calls", async () => {
  const kv = new MemoryKV();
  const first = tenant(kv);
  for (let i = 0; i < 60; i++) assert.ok((await first.service.takeCall(60)).granted);
  assert.equal((await first.service.takeCall(60)).granted, false);
  await first.settled();
  const second = tenant(kv);
  const calls = await Promise.all(Array.from({ length: 60 }, () => second.service.takeCall(60)));
  const granted = calls.filter((allowance) => allowance.granted).length;
  assert.ok(granted <= 12, `${granted}`);
});

test("the level is stored now and then, and calls are answered where it cannot be", async () => {
  const kv = new MemoryKV();
  let [writes, broken] = [0, false];
  const watched = new Proxy(kv, {
    get(target, name) {
      if (name === "set") {
        return async (key: string, value: Uint8Array) => {
          if (key === CALLS) writes += 1;
          if (broken) throw new Error("the disk is full");
          await target.set(key, value);
        };
      }
      if (name === "get" && broken) return () => Promise.reject(new Error("the disk is broken"));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const background = (work: Promise<unknown>) => void work.catch(() => undefined);
  const { service } = tenant(watched, memoryBlobs(), { background });
  for (let i = 0; i < 600; i++) await service.takeCall(600);
  assert.equal(writes, 6);
  broken = true;
  const other = tenant(watched, memoryBlobs(), { background });
  assert.equal((await other.service.takeCall(1)).granted, true);
  assert.equal((await other.service.takeCall(1)).granted, false);
});

test("OpenAI's client with retries gets through a rate, and without them is told of it", async () => {
  const { openai, statuses } = await withRate(120);
  const [patient, hasty] = [openai("alice", 2), openai("alice", 0)];
  await Promise.all(Array.from({ length: 120 }, () => patient.models.list()));
  await assert.rejects(
    async () => {
      // However slow this is, twenty calls take less than the ten seconds in which twenty more are let in.
      for (let i = 0; i < 20; i++) await hasty.models.list();
    },
    (error) => error instanceof RateLimitError && error.code === "rate_limit_exceeded",
  );
  statuses.length = 0;
  const { data } = await patient.models.list();
  assert.equal(data[0]?.id, "echo-1");
  assert.deepEqual([statuses.at(0), statuses.at(-1)], [429, 200]);
});

test("a batch is refused while as many requests as are allowed have no result, and let in when fewer have", async () => {
  const { service, openai, settled, kv, statuses } = withQuotas({ queuedRequests: 100 });
  const client = openai("any", 1);
  const create = () => client.batches.create({ ...params, input_file_id: "file-1" });
  const { id } = await create();
  await settled();
  const publish = async (status: string, completed: number, failed: number) => {
    const batch = JSON.parse(new TextDecoder().decode((await kv.get(`batch:${id}`)) ?? undefined));
    const changed = { ...batch, status, request_counts: { total: 150, completed, failed } };
    const value = new TextEncoder().encode(JSON.stringify(changed));
    await service.runnerWrite(id, 1, [{ type: "set", key: `batch:${id}`, value }]);
  };
  // What has no input counts for nothing.
  const waiting = await create();
  await publish("in_progress", 40, 10);
  statuses.length = 0;
  await assert.rejects(create, (error) => {
    assert.ok(error instanceof RateLimitError);
    const { type, code, param } = error;
    assert.deepEqual({ type, code, param }, { type: "requests", code: "rate_limit_exceeded", param: null });
    assert.match(
      error.message,
      /Enqueued request limit reached\. Limit: 100 enqueued requests\. Please try again/,
    );
    return true;
  });
  // It passes by itself, and so is worth another try.
  assert.deepEqual(statuses, [429, 429]);
  await publish("in_progress", 41, 10);
  await create();
  await publish("in_progress", 0, 0);
  await assert.rejects(create, RateLimitError);
  await service.runnerWrite(id, 1, [{ type: "delete", key: `run:${id}` }]);
  await service.runnerEnded(id, 1);
  await settled();
  await create();
  assert.equal((await client.batches.retrieve(waiting.id)).status, "validating");
});

test("the look at queued requests reads what has begun, and nothing of those that wait", async () => {
  const kv = new MemoryKV();
  const reads: string[] = [];
  const get = kv.get.bind(kv);
  kv.get = (key) => {
    reads.push(key);
    return get(key);
  };
  const settings = {
    service: { autostart: false, inference: echoInference(), models: echoModels },
    quotas: { files: Infinity, storedBytes: Infinity, queuedBatches: Infinity, queuedRequests: 100 },
    isRevoked: () => false,
  };
  const { service, settled } = tenant(kv, memoryBlobs(), { settings });
  for (let i = 0; i < 50; i++) await service.createBatch({ ...params, input_file_id: "file-1" }, null);
  await settled();
  reads.length = 0;
  await service.createBatch({ ...params, input_file_id: "file-1" }, null);
  assert.equal(reads.filter((key) => key.startsWith("batch:")).length, 1);
});

test("a batch that waits counts for the lines of its input, sent whole or in parts, until it has ended", async () => {
  const { service, openai, settled, kv } = withQuotas({ queuedRequests: 100 });
  const client = openai("any", 0);
  const lines = (count: number) => `${Array(count).fill("{}").join("\n")}`;
  const whole = await client.files.create({ purpose: "batch", file: new File([lines(60)], "a.jsonl") });
  const content = `${lines(30)}\n${lines(10)}\n`;
  const upload = await client.uploads.create({
    ...{ filename: "b.jsonl", purpose: "batch", mime_type: "a", bytes: content.length },
  });
  const parts = [content.slice(0, 60), content.slice(60)].map((text) =>
    client.uploads.parts.create(upload.id, { data: new File([text], "part") }),
  );
  const part_ids = (await Promise.all(parts)).map(({ id }) => id);
  const { file: joined } = await client.uploads.complete(upload.id, { part_ids });
  const create = (input_file_id: string) => client.batches.create({ ...params, input_file_id });
  const first = await create(whole.id);
  const second = await create(joined?.id as string);
  await settled();
  await assert.rejects(() => create(whole.id), RateLimitError);
  // The one that runs has results: as many fewer are left.
  const batch = JSON.parse(new TextDecoder().decode((await kv.get(`batch:${first.id}`)) ?? undefined));
  const request_counts = { total: 60, completed: 1, failed: 0 };
  const value = new TextEncoder().encode(JSON.stringify({ ...batch, status: "in_progress", request_counts }));
  await service.runnerWrite(first.id, 1, [{ type: "set", key: `batch:${first.id}`, value }]);
  const third = await create(whole.id);
  await assert.rejects(() => create(whole.id), RateLimitError);
  // A file that is deleted is read all the same.
  await client.files.delete(whole.id);
  await assert.rejects(() => create(whole.id), RateLimitError);
  for (const { id } of [first, second, third]) {
    await service.runnerWrite(id, 1, [{ type: "delete", key: `run:${id}` }]);
    await service.runnerEnded(id, 1);
  }
  const totals = JSON.parse(new TextDecoder().decode((await kv.get(FILE_TOTALS)) ?? undefined));
  assert.equal(totals.held_lines, 0);
});

test("a quota of bytes or files is told once, as no later try is better, and room is there when files are deleted", async () => {
  const { openai, statuses } = withQuotas({ storedBytes: 1_000, files: 2 });
  const client = openai("any", 2);
  const add = (bytes: number) =>
    client.files.create({ purpose: "evals", file: new File(["x".repeat(bytes)], "a.txt") });
  const told = (message: RegExp) => (error: unknown) => {
    assert.ok(error instanceof RateLimitError);
    const { type, code, param } = error;
    assert.deepEqual([type, code, param], ["insufficient_quota", "insufficient_quota", null]);
    assert.match(error.message, message);
    assert.equal(error.headers.get("x-should-retry"), "false");
    return true;
  };
  const first = await add(900);
  statuses.length = 0;
  const full = told(/^429 Storage limit reached\. Please delete files that are no longer needed\.$/);
  await assert.rejects(add(200), full);
  const upload = { filename: "a", purpose: "evals", bytes: 200, mime_type: "text/plain" } as const;
  await assert.rejects(async () => client.uploads.create(upload), full);
  await add(50);
  await assert.rejects(
    add(1),
    told(/^429 File limit reached\. Limit: 2 files\. Please delete files that are no longer needed\.$/),
  );
  assert.deepEqual(statuses, [429, 429, 200, 429]);
  await client.files.delete(first.id);
  await add(900);
});

test("calls that come together get no more than one after the other would", async () => {
  const { service, openai, blobs } = withQuotas({ storedBytes: 1_000, files: 3, queuedBatches: 2 });
  const client = openai("any", 0);
  const fulfilled = async (calls: Promise<unknown>[]) =>
    (await Promise.allSettled(calls)).filter(({ status }) => status === "fulfilled").length;
  const ten = <T>(call: () => Promise<T>) => fulfilled(Array.from({ length: 10 }, call));
  const add = (bytes: number) => async () =>
    client.files.create({ purpose: "evals", file: new File(["x".repeat(bytes)], "a.txt") });
  assert.equal(await ten(add(400)), 2);
  assert.equal(await ten(add(1)), 1);
  assert.deepEqual(
    [...blobs.objects.values()].map(({ length }) => length),
    [400, 400, 1],
  );
  assert.equal(await ten(async () => client.batches.create({ ...params, input_file_id: "file-1" })), 2);
  assert.equal((await service.listBatches({})).data.length, 2);
});

test("parts of uploads are stored bytes from when they come until their upload is a file, or given up", async () => {
  const { openai } = withQuotas({ storedBytes: 1_000, files: 2 });
  const client = openai("any", 0);
  const begin = async (bytes: number) =>
    (await client.uploads.create({ filename: "a", purpose: "evals", bytes, mime_type: "a" })).id;
  const part = async (id: string, bytes: number) =>
    (await client.uploads.parts.create(id, { data: new File(["x".repeat(bytes)], "part") })).id;
  const full = (error: unknown) => error instanceof RateLimitError && error.code === "insufficient_quota";
  const [first, second, third] = [await begin(600), await begin(600), await begin(300)];
  const ofFirst = await part(first, 600);
  await assert.rejects(() => part(second, 600), full);
  const ofSecond = await part(second, 300);
  await assert.rejects(() => begin(200), full);
  await client.uploads.complete(first, { part_ids: [ofFirst] });
  await assert.rejects(() => part(third, 200), full);
  await client.uploads.cancel(second);
  const ofThird = await part(third, 300);
  // The last file that is allowed, and then no other, whatever has been sent of it.
  const small = await begin(1);
  const ofSmall = await part(small, 1);
  await client.uploads.complete(third, { part_ids: [ofThird] });
  await assert.rejects(async () => client.uploads.complete(small, { part_ids: [ofSmall] }), full);
  for await (const file of client.files.list()) await client.files.delete(file.id);
  assert.equal((await client.uploads.complete(small, { part_ids: [ofSmall] })).file?.bytes, 1);
  assert.ok(ofSecond);
  const again = await begin(999);
  await part(again, 999);
});

test("an upload that expires gives back what its parts took", async (t) => {
  const { openai, service, kv } = withQuotas({ storedBytes: 1_000 });
  const client = openai("any", 0);
  const { id } = await client.uploads.create({ filename: "a", purpose: "evals", bytes: 900, mime_type: "a" });
  await client.uploads.parts.create(id, { data: new File(["x".repeat(900)], "part") });
  const pending = async () =>
    JSON.parse(new TextDecoder().decode((await kv.get(FILE_TOTALS)) ?? undefined)).pending;
  assert.equal(await pending(), 900);
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 3_700_000 });
  await service.alarm();
  assert.equal(await pending(), 0);
  t.mock.timers.setTime(Date.now() + 90_000_000);
  await service.alarm();
  assert.equal(await pending(), 0);
});
