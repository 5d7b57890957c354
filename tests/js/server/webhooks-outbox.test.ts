/** Guards the outbox: each event comes at least once whatever is killed, not twice without a cause, and for three days. */

import { strict as assert } from "node:assert";
import { type Mock, mock, test } from "node:test";
import { MemoryKV } from "../../../js/hosts/kv/memory.ts";
import { deliveries } from "../../../js/server/keys.ts";
import { Endpoints } from "../../../js/server/webhooks/endpoints.ts";
import { crowded } from "./memory.ts";
import { type Answering, eventOf, Mortal, Site } from "./webhook-site.ts";

for (const each of ["log", "warn", "error"] as const) mock.method(console, each, () => {});

const types = ["batch.completed", "batch.failed"];
const endpoint = { name: "n", url: "https://a.example/hook", event_types: types };

/** A store with endpoints at hosts, and events of batches. */
async function stored(hosts: string[], batches: string[]): Promise<MemoryKV> {
  const kv = new MemoryKV();
  const endpoints = new Endpoints(kv);
  for (const host of hosts) await endpoints.create({ ...endpoint, url: `https://${host}/hook` }, 0);
  for (const batch of batches) await kv.set(...eventOf(batch));
  return kv;
}

const left = async (kv: MemoryKV) => {
  const all = [];
  for (const prefix of ["event:", "tenant:delivery:", "tenant:webhook-gone:"]) {
    all.push(...(await kv.list({ prefix })).entries.map(([key]) => key));
  }
  return all;
};

test("an event comes once to each endpoint that wants it, as the core wrote it, and nothing of it stays", async () => {
  const kv = await stored(["a.example", "b.example"], ["batch_1"]);
  await new Endpoints(kv).create(
    { ...endpoint, url: "https://c.example/", event_types: ["batch.expired"] },
    0,
  );
  const site = new Site();
  await site.until(kv, async () => (await left(kv)).length === 0);
  assert.deepEqual(site.came.map(({ host }) => host).sort(), ["a.example", "b.example"]);
  const [, body] = eventOf("batch_1");
  for (const came of site.came) {
    assert.equal(came.body, new TextDecoder().decode(body));
    assert.equal(came.headers["webhook-id"], JSON.parse(came.body).id);
    assert.equal(came.headers["webhook-timestamp"], String(came.at));
  }
});

test("an event that no endpoint wants is gone, and one that cannot be read stops nothing", async () => {
  const kv = await stored([], ["batch_1"]);
  await kv.set("event:batch_2", new TextEncoder().encode("{"));
  const site = new Site();
  await site.service(kv).outbox.run();
  assert.deepEqual(await left(kv), []);
});

test("what fails is tried again after 5 s, then with pauses that double up to an hour, for 72 hours", async () => {
  const kv = await stored(["a.example"], ["batch_1"]);
  const site = new Site(() => 503);
  await site.until(kv, async () => (await left(kv)).length === 0);
  const pauses = site.came.slice(1).map(({ at }, i) => at - (site.came[i]?.at ?? 0));
  for (const [i, pause] of pauses.slice(0, -1).entries()) {
    const expected = Math.min(5 * 2 ** i, 3600);
    assert.ok(pause >= expected * 0.75 - 1 && pause <= expected * 1.25 + 2, `pause ${i} of ${pause} s`);
  }
  const took = (site.came.at(-1)?.at ?? 0) - (site.came[0]?.at ?? 0);
  assert.ok(took >= 72 * 3600 && took <= 73.3 * 3600, `given up after ${took} s`);
  assert.ok(site.came.length > 60);
  const ids = site.came.map(({ headers }) => headers["webhook-id"]);
  assert.equal(new Set(ids).size, 1);
});

for (const [what, answers] of [
  ["takes all at once", () => 200],
  ["fails at first", ({ nth }) => (nth === 0 ? 500 : 204)],
  ["gives no answer at first", ({ nth }) => (nth === 0 ? null : 200)],
] as [string, Answering][]) {
  test(`killed at any write, an event still comes, and is not repeated within a minute without cause: one that ${what}`, async () => {
    let kills = 0;
    for (const mode of ["before", "after"] as const) {
      for (let writes = 1; ; writes++) {
        const kv = await stored(["a.example", "b.example"], ["batch_1", "batch_2"]);
        const site = new Site(answers);
        const mortal = new Mortal(kv, writes, mode);
        await site.until(mortal, async () => mortal.isDead || (await left(kv)).length === 0);
        if (!mortal.isDead) break;
        kills += 1;
        // What was under way when it died is forgotten; another process begins.
        await site.until(kv, async () => (await left(kv)).length === 0);
        for (const host of ["a.example", "b.example"]) {
          for (const batch of ["batch_1", "batch_2"]) {
            const own = site.came.filter((came) => came.host === host && came.body.includes(batch));
            assert.ok(
              own.some(({ taken }) => taken),
              `${batch} never came to ${host} (${mode} ${writes})`,
            );
            for (const [i, { at, taken }] of own.slice(1).entries()) {
              const before = own[i] as (typeof own)[0];
              const apart = at - before.at;
              assert.ok(
                !before.taken || apart > 60,
                `${batch} came twice within ${apart} s (${mode} ${writes})`,
              );
              assert.ok(taken || before.at <= at);
            }
          }
        }
      }
    }
    assert.ok(kills >= 20, `${kills} kills`);
  });
}

test("the log says what became of each try, by ids, and nothing of addresses and secrets", async () => {
  const kv = await stored(["a.example/?token=t0ken&x="], ["batch_1"]);
  const site = new Site(({ nth }) => (nth === 0 ? null : nth === 1 ? 500 : 200));
  const [endpoint] = (await new Endpoints(kv).list({ limit: 1 })).data;
  const [said, warned] = [console.log, console.warn].map((each) => (each as Mock<typeof console.log>).mock);
  said?.resetCalls();
  warned?.resetCalls();
  await site.until(kv, async () => (await left(kv)).length === 0);
  const lines = [warned, said].flatMap(
    (each) => each?.calls.map(({ arguments: [line] }) => String(line)) ?? [],
  );
  const event = { event_id: "evt_of_batch_1", event_type: "batch.completed", batch: "batch_1" };
  const ids = { tenant: "alice", endpoint: endpoint?.id, ...event };
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)).map(({ retry_at, ...fields }) => fields),
    [
      { event: "webhook.failed", ...ids, tries: 1, reason: "ECONNREFUSED" },
      { event: "webhook.failed", ...ids, tries: 2, status: 500 },
      { event: "webhook.delivered", ...ids, tries: 3, status: 200 },
    ],
  );
  assert.ok(!/a\.example|t0ken|whsec/.test(lines.join()));
});

test("an endpoint that is away does not hold up others, and is asked by one event at a time", async () => {
  const batches = Array.from({ length: 200 }, (_, i) => `batch_${i}`);
  const kv = await stored(["dead.example", "good.example"], batches);
  const site = new Site(({ host }) => (host === "good.example" ? 200 : null));
  const service = site.service(kv);
  const good = () => site.came.filter(({ host }) => host === "good.example");
  await site.drive(service, () => good().length >= 200);
  assert.equal(new Set(good().map(({ body }) => body)).size, 200);
  assert.ok(good().at(-1)?.at === site.start, "all came before any pause was over");
  assert.ok(site.came.length - good().length <= 2, "the dead one was asked again and again");
  assert.ok(site.mostAtOnce <= 4, `${site.mostAtOnce} at once`);
});

test("what waits for an endpoint that stays away is given up after 72 hours, however much it is", async () => {
  const batches = Array.from({ length: 300 }, (_, i) => `batch_${i}`);
  const kv = await stored(["dead.example"], batches);
  const site = new Site(() => null);
  await site.until(kv, async () => (await left(kv)).length === 0);
  assert.ok(site.now - site.start <= 75.5 * 3600, `took ${(site.now - site.start) / 3600} hours`);
});

test("a receiver that minds one event gets the others all the same", async () => {
  const kv = await stored(["a.example"], ["batch_1", "batch_2", "batch_3"]);
  const site = new Site(({ body }) => (body.includes("batch_1") ? 400 : 200));
  await site.drive(site.service(kv), () => site.came.filter(({ taken }) => taken).length === 2);
  assert.equal(site.now, site.start);
});

test("what waits for a deleted endpoint is thrown away, and nothing more is sent to it", async () => {
  const kv = await stored(
    ["a.example"],
    Array.from({ length: 250 }, (_, i) => `batch_${i}`),
  );
  const site = new Site(() => null);
  const service = site.service(kv);
  await site.drive(service, () => site.came.length > 0);
  const endpoints = new Endpoints(kv);
  const [only] = (await endpoints.list({ limit: 1 })).data;
  await endpoints.delete(only?.id ?? "");
  await site.drive(service, async () => (await left(kv)).length === 0);
  assert.deepEqual((await kv.list({ prefix: deliveries(only?.id ?? "") })).entries, []);
  assert.ok(site.came.length <= 3);
});

test("nothing is sent of a tenant without a key, nor once the service stops", async () => {
  const kv = await stored(["a.example"], ["batch_1"]);
  const site = new Site();
  await site.service(kv, { isHeld: () => true }).outbox.run();
  const stopped = site.service(kv).outbox;
  stopped.stop();
  await stopped.run();
  assert.deepEqual([site.came, await left(kv)], [[], ["event:batch_1"]]);
});

test("two services of one tenant send each event once between them", async () => {
  const kv = await stored(
    ["a.example", "b.example"],
    Array.from({ length: 30 }, (_, i) => `batch_${i}`),
  );
  const site = new Site();
  const services = [site.service(crowded(kv)), site.service(crowded(kv))] as const;
  while ((await left(kv)).length > 0) {
    await Promise.all(services.map(({ outbox }) => outbox.run()));
    await Promise.all(services.map(({ settled }) => settled()));
  }
  assert.equal(site.came.length, 60);
  assert.equal(new Set(site.came.map(({ host, body }) => host + body)).size, 60);
});

test("an address that became private is not called", async () => {
  const kv = await stored(["a.example"], ["batch_1"]);
  const [key, record] = (await kv.list({ prefix: "tenant:webhook-endpoints" })).entries[0] ?? [
    "",
    new Uint8Array(),
  ];
  const changed = new TextDecoder().decode(record).replace("a.example", "10.0.0.1");
  await kv.set(key, new TextEncoder().encode(changed));
  const site = new Site();
  const service = site.service(kv);
  await service.outbox.run();
  await service.settled();
  assert.deepEqual(site.came, []);
  assert.equal((await left(kv)).length, 1);
});
