/** Guards the key-value store in Postgres: the contract, the lease, its schema, and what it announces. */

import { strict as assert } from "node:assert";
import { before, describe, test } from "node:test";
import pg from "pg";
import { kvContract } from "../../../js/contract/index.ts";
import { migrate, STEPS } from "../../../js/hosts/kv/postgres/schema.ts";
import { PostgresKV } from "../../../js/hosts/kv/postgres.ts";
import { leaseSuite } from "../leases-suite.ts";
import { poolOf, postgres } from "./servers.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
let url = "";
let pool: pg.Pool;
let stores = 0;

before(async () => {
  url = await (await postgres()).database();
  pool = poolOf(url);
  await PostgresKV.migrate(pool);
});

describe("PostgresKV keeps the contract", () => {
  const tests = kvContract(async () => {
    const tenant = `tenant-${++stores}`;
    const open = async () => new PostgresKV({ pool: poolOf(url), tenant });
    return { kv: new PostgresKV({ pool, tenant }), open, reopen: open };
  });
  for (const t of tests) test(t.name, t.run);
});

const adapter = JSON.stringify(new URL("../../../js/hosts/kv/postgres.ts", import.meta.url).href);

leaseSuite(
  "one Postgres",
  {
    open: async (directory) => ({ kv: new PostgresKV({ pool, tenant: directory }), close: async () => {} }),
    source: (directory) =>
      `import pg from ${JSON.stringify(import.meta.resolve("pg"))};
       import { PostgresKV } from ${adapter};
       const pool = new pg.Pool({ connectionString: ${JSON.stringify(url)} });
       const kv = new PostgresKV({ pool, tenant: ${JSON.stringify(directory)} });`,
  },
  [],
);

describe("The schema in Postgres", () => {
  const fresh = async () => poolOf(await (await postgres()).database());
  const version = async (of: pg.Pool) =>
    (await of.query("SELECT version, usable_from FROM edgebatch.version")).rows;

  test("is made once, whoever all make it at the same time", async () => {
    const own = await fresh();
    await Promise.all(Array.from({ length: 8 }, () => PostgresKV.migrate(own)));
    assert.deepEqual(await version(own), [{ version: STEPS.length, usable_from: 1 }]);
    const kv = new PostgresKV({ pool: own });
    await kv.set("a", utf8("1"));
    await PostgresKV.migrate(own);
    assert.deepEqual(await kv.get("a"), utf8("1"));
  });

  test("of the next version is used beside it, and one that needs a later server is refused", async () => {
    const own = await fresh();
    const next = [...STEPS, "ALTER TABLE edgebatch.kv ADD COLUMN later integer"];
    await PostgresKV.migrate(own);
    await migrate(own, next, STEPS.length);
    await PostgresKV.migrate(own);
    assert.deepEqual(await version(own), [{ version: next.length, usable_from: STEPS.length }]);
    const kv = new PostgresKV({ pool: own });
    await kv.set("a", utf8("1"));
    assert.deepEqual(await kv.get("a"), utf8("1"));
    await migrate(own, [...next, "SELECT 1"], next.length + 1);
    await assert.rejects(
      PostgresKV.migrate(own),
      new RegExp(
        `version ${next.length + 1}, and needs a server that knows version ${next.length + 1}; this one`,
      ),
    );
  });

  test("that cannot be made whole is not made at all", async () => {
    const own = await fresh();
    await assert.rejects(migrate(own, [...STEPS, "no SQL"]), /syntax error/);
    await assert.rejects(version(own), /does not exist/);
    await PostgresKV.migrate(own);
  });
});

test("stores of two tenants in one table know nothing of each other", async () => {
  const [one, two] = ["one", "two"].map((tenant) => new PostgresKV({ pool, tenant })) as [
    PostgresKV,
    PostgresKV,
  ];
  await one.set("a", utf8("1"));
  assert.equal(await two.get("a"), null);
  assert.deepEqual(await two.list({ prefix: "" }), { entries: [], more: false });
  assert.equal(await two.batch([{ type: "delete", key: "a" }], [{ key: "a", value: null }]), true);
  assert.deepEqual(await one.get("a"), utf8("1"));
});

test("a database whose isolation level lets checks see what was before is refused", async () => {
  const own = new pg.Pool({
    connectionString: url,
    options: "-c default_transaction_isolation=serializable",
  });
  try {
    const kv = new PostgresKV({ pool: own });
    await assert.rejects(
      kv.set("a", utf8("1")),
      /needs the isolation level read committed.*says serializable/,
    );
  } finally {
    await own.end();
  }
});

test("writes to what is announced are told to whoever listens, once they can be read, and no others are", async () => {
  const kv = new PostgresKV({ pool, tenant: "loud", announced: ["run:"] });
  const client = await pool.connect();
  try {
    const heard: (string | undefined)[] = [];
    client.on("notification", ({ payload }) => heard.push(payload));
    await client.query("LISTEN edgebatch");
    await kv.set("other", utf8("1"));
    assert.equal(
      await kv.batch([{ type: "set", key: "run:1", value: utf8("1") }], [{ key: "other", value: null }]),
      false,
    );
    await kv.set("run:1", utf8("1"));
    await kv.delete("run:1");
    // Comes after all that was announced before it.
    await client.query("SELECT pg_notify('edgebatch', 'last')");
    while (!heard.includes("last")) await client.query("SELECT 1");
    assert.deepEqual(heard, ["loud", "loud", "last"]);
  } finally {
    client.release(true);
  }
});
