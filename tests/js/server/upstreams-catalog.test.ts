/** Guards which server is asked for which model, and what /v1/models says. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import "../../../js/entry/node.ts";
import { app } from "../../../js/server/app.ts";
import type { ModelServer } from "../../../js/server/upstreams/types.ts";
import { ModelServers, type UpstreamsOptions } from "../../../js/server/upstreams/upstreams.ts";
import { ports } from "./memory.ts";
import { ManualClock, request, type Scripted, scripted } from "./model-servers.ts";

const never = new AbortController().signal;

/** A server that says what it has; `offer` may be changed, and what is thrown is a server that cannot be reached. */
function offering(name: string, offer: () => unknown, more: Partial<ModelServer> = {}) {
  const server = scripted(name, more);
  const asked = { times: 0, offer };
  const call = async () => {
    asked.times += 1;
    const value = asked.offer();
    return typeof value === "number" ? new Response("no", { status: value }) : Response.json(value);
  };
  return Object.assign(server, { call, listed: asked });
}

const listOf = (...ids: string[]) => ({ object: "list", data: ids.map((id) => ({ id, object: "model" })) });

const down = () => {
  throw new TypeError("fetch failed");
};

function setUp(servers: Scripted[], more: Partial<UpstreamsOptions> = {}) {
  const clock = new ManualClock();
  const upstreams = new ModelServers({ servers, clock, ...more });
  const models = upstreams.models();
  const pool = (model: string) => models.pool?.(model);
  const infer = (pool: string | undefined, model = "m") =>
    upstreams.inference("t", "b").infer(request(pool, model), never);
  return { clock, upstreams, models, pool, infer };
}

test("one server has one pool without a name, and is asked nothing before a batch runs", async () => {
  const server = offering("a", () => listOf("m"));
  const { models, infer } = setUp([server]);
  assert.equal(models.pool, undefined);
  assert.equal(await models.has("whatever"), true);
  await infer(undefined);
  assert.equal(server.listed.times, 0);
  const { models: named } = setUp([offering("a", down, { models: ["m"] })]);
  assert.deepEqual([await named.has("m"), await named.has("other")], [true, false]);
});

test("a model's pool is the servers that have it, by what is set or by what they say; the same in any order", async () => {
  const servers = [
    offering("c", () => listOf("m", "said")),
    offering("a", down, { models: ["m"] }),
    offering("b", down, { models: ["m", "n"] }),
  ];
  for (const order of [servers, servers.toReversed()]) {
    const { upstreams, models, pool } = setUp(order);
    await upstreams.ready();
    assert.deepEqual(["m", "n", "said"].map(pool), ["a+b+c", "b", "c"]);
    assert.deepEqual(await Promise.all(["m", "n", "said", "none"].map((name) => models.has(name))), [
      true,
      true,
      true,
      false,
    ]);
  }
});

test("requests go to servers of their pool alone; one for which the core knows no pool by its model", async () => {
  const [a, b] = ["a", "b"].map((name) => scripted(name, { models: [`of-${name}`] })) as [Scripted, Scripted];
  const { infer, pool } = setUp([a, b]);
  for (let i = 0; i < 3; i++) await infer(pool("of-b"), "of-b");
  assert.deepEqual([a.asked.length, b.asked.length], [0, 3]);
  await infer(undefined, "of-a");
  await infer(undefined, "of-b");
  assert.deepEqual([a.asked.length, b.asked.length], [1, 4]);
});

test("a server that has no list takes any model", async () => {
  const { upstreams, models, pool } = setUp([
    offering("any", () => 404),
    offering("odd", () => "no list"),
    offering("some", () => listOf("m")),
  ]);
  await upstreams.ready();
  assert.deepEqual(["m", "else"].map(pool), ["any+odd+some", "any+odd"]);
  assert.equal(await models.has("else"), true);
});

test("lists are asked for once a minute, and for a model that none has, a few seconds apart", async () => {
  const a = offering("a", () => listOf("m"));
  const b = offering("b", () => listOf("n"));
  const { clock, upstreams, models } = setUp([a, b]);
  await upstreams.list();
  for (let i = 0; i < 10; i++) await upstreams.list();
  assert.deepEqual([a.listed.times, b.listed.times], [1, 1]);
  assert.equal(await models.has("new"), false);
  await clock.pass(5_000);
  a.listed.offer = () => listOf("m", "new");
  assert.equal(await models.has("new"), true);
  assert.equal(a.listed.times, 2);
  await clock.pass(60_000);
  await upstreams.list();
  assert.equal(a.listed.times, 3);
});

test("what a server said last stands while it is down", async () => {
  const a = offering("a", () => listOf("m"));
  const b = offering("b", () => listOf("n"));
  const { clock, upstreams, pool, models } = setUp([a, b]);
  await upstreams.ready();
  a.listed.offer = down;
  await clock.pass(120_000);
  assert.deepEqual(
    (await upstreams.list())?.map(({ id }) => id),
    ["m", "n"],
  );
  assert.deepEqual([pool("m"), await models.has("m")], ["a", true]);
});

test("a server that has not said yet what it has: no model is refused for it, and it is no part of other pools", async () => {
  const a = offering("a", () => listOf("m"));
  const b = offering("b", down);
  const { clock, upstreams, models, pool, infer } = setUp([a, b]);
  await upstreams.ready();
  assert.deepEqual([pool("m"), pool("of-b")], ["a", "b"]);
  await assert.rejects(models.has("of-b"), /'b' does not say now which models it has/);
  const name = pool("m") as string;
  b.listed.offer = () => listOf("of-b", "m");
  await clock.pass(5_000);
  assert.equal(await models.has("of-b"), true);
  // The name that a run has got includes it from now on.
  for (let i = 0; i < 8; i++) void infer(name);
  await clock.pass(1);
  assert.deepEqual([a.asked.length, b.asked.length], [4, 4]);
});

test("a model that its server no longer lists stays with it", async () => {
  const a = offering("a", () => listOf("m", "old"));
  const b = offering("b", () => listOf("n"));
  const { clock, upstreams, pool } = setUp([a, b]);
  await upstreams.ready();
  assert.equal(pool("old"), "a");
  a.listed.offer = () => listOf("m");
  await clock.pass(60_000);
  await upstreams.list();
  assert.equal(pool("old"), "a");
});

test("/v1/models has whatever the servers offer, with all they say of it, each name once", async () => {
  const extra = { id: "org/m", object: "model", created: 5, owned_by: "vllm", max_model_len: 4096 };
  const a = offering("a", () => ({ object: "list", data: [extra, { id: 7 }, { id: "bare" }] }));
  const b = offering("b", down, { models: ["bare", "named"] });
  const here = ports({ upstreams: new ModelServers({ servers: [a, b] }) });
  const get = (path: string) => app.fetch(new Request(`http://localhost/v1/models${path}`), here);
  const { object, data } = await (await get("")).json();
  assert.equal(object, "list");
  const bare = { object: "model", created: 0, owned_by: "upstream" };
  assert.deepEqual(data, [extra, { id: "bare", ...bare }, { id: "named", ...bare }]);
  for (const path of ["/org/m", "/org%2Fm"]) assert.deepEqual(await (await get(path)).json(), extra);
  const missing = await get("/none");
  assert.equal(missing.status, 404);
  assert.equal((await missing.json()).error.code, "model_not_found");
});

test("where models are named, /v1/models has those and no other; and a server that is down says so", async () => {
  const named = new ModelServers({ servers: [offering("a", () => listOf("m", "n"))], models: ["n", "o"] });
  assert.deepEqual(
    (await named.list())?.map(({ id }) => id),
    ["n", "o"],
  );
  assert.deepEqual([await named.models().has("n"), await named.models().has("m")], [true, false]);
  const here = ports({ upstreams: new ModelServers({ servers: [offering("a", down)] }) });
  const answer = await app.fetch(new Request("http://localhost/v1/models"), here);
  assert.equal(answer.status, 503);
});

test("a list that repeats the server's key has *** in its place", async () => {
  const secret = "sk-of-the-server";
  const list = { data: [{ id: "m", owned_by: `whoever has ${secret}` }] };
  const { upstreams } = setUp([offering("a", () => list, { secrets: [secret] })]);
  const [model] = (await upstreams.list()) ?? [];
  assert.equal(model?.owned_by, "whoever has ***");
});

test("where no server says what it has, callers are told why as far as they may know, and the log in full", async (t) => {
  const lines: string[] = [];
  t.mock.method(console, "warn", (line: string) => lines.push(line));
  const refused = (status: number) => () => status;
  const away = () => {
    throw new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED 10.1.2.3:8000") });
  };
  const cases: [offer: () => unknown, told: RegExp, logged: RegExp][] = [
    [refused(401), /does not accept this server's key/, /upstream\.refused.*"status":401/],
    [refused(403), /does not accept this server's key/, /upstream\.refused.*"status":403/],
    [refused(500), /does not say which models/, /upstream\.failed.*status 500/],
    [away, /cannot be reached/, /upstream\.failed.*ECONNREFUSED 10\.1\.2\.3:8000/],
  ];
  for (const [offer, told, logged] of cases) {
    lines.length = 0;
    const server = offering("a", offer);
    const { upstreams, clock } = setUp([server]);
    const answer = await app.fetch(new Request("https://e.example/v1/models"), ports({ upstreams }));
    assert.equal(answer.status, 503);
    const text = await answer.text();
    assert.match(text, told);
    assert.doesNotMatch(text, /10\.1\.2\.3/);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", logged);
    server.listed.offer = () => listOf("m");
    await clock.pass(5_000);
    assert.equal((await upstreams.list())?.length, 1, "it is asked again soon");
  }
});
