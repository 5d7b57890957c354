import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { SqliteKV } from "../../../js/hosts/kv/sqlite.ts";
import { finish, hosts, killAfter, start } from "./children.ts";
import { temporaryDirectory } from "./temp.ts";

const text = new TextEncoder();
const pad = (i: number): string => String(i).padStart(8, "0");

describe("SqliteKV", () => {
  test("has every acknowledged write after kill -9, and no batch in part", async () => {
    for (const [round, durability] of (["power", "process", "power"] as const).entries()) {
      const directory = temporaryDirectory();
      const path = join(directory, "kv.db");
      const child = start(
        directory,
        `import { writeSync } from "node:fs";
         import { SqliteKV } from ${JSON.stringify(`${hosts}kv/sqlite.ts`)};
         const kv = new SqliteKV(${JSON.stringify(path)}, { durability: ${JSON.stringify(durability)} });
         const value = new Uint8Array(2000).fill(7);
         const pad = (i: number): string => String(i).padStart(8, "0");
         for (let i = 0; ; i++) {
           await kv.set("one:" + pad(i), value);
           await kv.batch([0, 1, 2, 3].map((j) => ({ type: "set", key: "batch:" + pad(i) + ":" + j, value })));
           writeSync(1, i + "\\n");
         }`,
      );
      const acknowledged = Number((await killAfter(child, 50 + 40 * round)).at(-1));
      const kv = new SqliteKV(path);
      for (let i = 0; i <= acknowledged; i++) {
        assert.equal((await kv.get(`one:${pad(i)}`))?.length, 2000, `write ${i} of ${acknowledged}`);
        assert.equal((await kv.list({ prefix: `batch:${pad(i)}:` })).entries.length, 4, `batch ${i}`);
      }
      const beyond = await kv.list({ prefix: "batch:", after: `batch:${pad(acknowledged)}:z` });
      assert.ok(beyond.entries.length % 4 === 0, `${beyond.entries.length} writes of batches of four`);
      kv.close();
    }
  });

  test("is opened, made and written by several processes at once", async () => {
    const directory = temporaryDirectory();
    const path = join(directory, "kv.db");
    const children = [0, 1, 2, 3].map((who) =>
      start(
        directory,
        `import { SqliteKV } from ${JSON.stringify(`${hosts}kv/sqlite.ts`)};
         const kv = new SqliteKV(${JSON.stringify(path)});
         for (let i = 0; i < 50; i++) {
           await kv.set("p${who}:" + i, new Uint8Array(100));
           const op = { type: "set", key: "b${who}:" + i, value: new Uint8Array(100) } as const;
           await kv.batch([op, { type: "set", key: "shared", value: new Uint8Array([${who}]) }]);
           await kv.list({ prefix: "p", limit: 10 });
         }
         kv.close();`,
      ),
    );
    await Promise.all(children.map(finish));
    const kv = new SqliteKV(path);
    for (const who of [0, 1, 2, 3]) {
      assert.equal((await kv.list({ prefix: `p${who}:` })).entries.length, 50, `writes of ${who}`);
      assert.equal((await kv.list({ prefix: `b${who}:` })).entries.length, 50, `batches of ${who}`);
    }
    kv.close();
  });

  test("loses none of the increments that several processes make under checks", async () => {
    const directory = temporaryDirectory();
    const path = join(directory, "kv.db");
    const children = [0, 1, 2, 3].map((who) =>
      start(
        directory,
        `import { setTimeout } from "node:timers/promises";
         import { SqliteKV } from ${JSON.stringify(`${hosts}kv/sqlite.ts`)};
         const kv = new SqliteKV(${JSON.stringify(path)}, { durability: "process" });
         const text = new TextEncoder();
         let failed = 0;
         await kv.set("ready:${who}", text.encode(""));
         while ((await kv.list({ prefix: "ready:" })).entries.length < 4) await setTimeout(1);
         for (let i = 0; i < 200; i++) {
           for (;;) {
             const value = await kv.get("count");
             const count = value === null ? 0 : Number(new TextDecoder().decode(value));
             const mine = { type: "set", key: "who:" + (count + 1), value: text.encode("${who}") } as const;
             const next = { type: "set", key: "count", value: text.encode(String(count + 1)) } as const;
             if (await kv.batch([mine, next], [{ key: "count", value }, { key: mine.key, value: null }])) break;
             failed++;
           }
         }
         console.log(failed);
         kv.close();`,
      ),
    );
    const failed = await Promise.all(children.map(finish));
    const kv = new SqliteKV(path);
    assert.equal(new TextDecoder().decode((await kv.get("count")) ?? undefined), "800");
    const { entries } = await kv.list({ prefix: "who:" });
    assert.equal(entries.length, 800, "one writer of each count");
    for (const who of "0123") {
      const mine = entries.filter(([, value]) => new TextDecoder().decode(value) === who);
      assert.equal(mine.length, 200, `counts of ${who}`);
    }
    assert.ok(
      failed.map(Number).reduce((sum, n) => sum + n) > 0,
      "no check failed: the processes did not meet",
    );
    kv.close();
  });

  test("makes the folder of its file, for this user alone", async () => {
    const directory = temporaryDirectory();
    const path = join(directory, "data", "state", "kv.db");
    const kv = new SqliteKV(path);
    await kv.set("k", text.encode("1"));
    kv.close();
    for (const made of ["data", "data/state"]) {
      assert.equal(statSync(join(directory, made)).mode & 0o777, 0o700, made);
    }
  });

  test("names the file that it cannot open", () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "file"), "no database, and no folder either");
    for (const path of [join(directory, "file"), join(directory, "file", "kv.db"), directory]) {
      assert.throws(
        () => new SqliteKV(path),
        (error: Error) => error.message.startsWith(`cannot open the store ${path}: `),
      );
    }
  });

  test("says which Node it needs where there is no SQLite", (t) => {
    const { getBuiltinModule } = process;
    t.mock.method(process, "getBuiltinModule", (name: string) =>
      name === "node:sqlite" ? undefined : getBuiltinModule(name),
    );
    assert.throws(() => new SqliteKV("kv.db"), /^Error: edgebatch needs Node 22\.13 or newer; this is v\d/);
  });

  test("sees what another connection has written", async () => {
    const path = join(temporaryDirectory(), "kv.db");
    const [a, b] = [new SqliteKV(path), new SqliteKV(path)];
    await a.set("k", text.encode("1"));
    assert.deepEqual(await b.get("k"), text.encode("1"));
    await b.batch([{ type: "delete", key: "k" }]);
    assert.equal(await a.get("k"), null);
    a.close();
    b.close();
  });

  test("gives up on a lock that is held for longer than the busy timeout, and works once it is free", async () => {
    const path = join(temporaryDirectory(), "kv.db");
    const kv = new SqliteKV(path, { busyTimeoutMs: 50 });
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    await assert.rejects(kv.set("k", text.encode("1")), /locked/);
    await assert.rejects(kv.batch([{ type: "set", key: "k", value: text.encode("1") }]), /locked/);
    assert.equal(await kv.get("k"), null, "a read does not wait");
    other.exec("COMMIT");
    await kv.batch([{ type: "set", key: "k", value: text.encode("2") }]);
    assert.deepEqual(await kv.get("k"), text.encode("2"));
    other.close();
    kv.close();
  });

  test("finds its way by the index, in every shape of a list", async () => {
    const path = join(temporaryDirectory(), "kv.db");
    const prepared: string[] = [];
    const { prepare } = DatabaseSync.prototype;
    DatabaseSync.prototype.prepare = function (sql: string) {
      prepared.push(sql);
      return prepare.call(this, sql);
    };
    try {
      const kv = new SqliteKV(path);
      for (const prefix of ["", "a"]) {
        for (const after of [undefined, "a1"]) {
          for (const reverse of [false, true]) {
            await kv.list({ prefix, reverse, ...(after !== undefined && { after }) });
          }
        }
      }
      kv.close();
    } finally {
      DatabaseSync.prototype.prepare = prepare;
    }
    const db = new DatabaseSync(path);
    const statements = new Set(prepared.filter((sql) => !sql.startsWith("INSERT")));
    assert.equal(statements.size, 8, "get, delete, and lists up and down");
    for (const sql of statements) {
      for (const bound of [/</g, />/g]) assert.ok((sql.match(bound) ?? []).length <= 1, `one bound: ${sql}`);
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
      assert.equal(plan.length, 1, `no sorting besides: ${sql}`);
      assert.match(String(plan[0]?.detail), /^SEARCH kv USING INDEX sqlite_autoindex_kv_1 \(key[<=>]/, sql);
    }
    db.close();
  });

  test("flushes the log before it acknowledges, unless told otherwise", () => {
    // The setting belongs to the connection, so what is executed is what there is to see.
    const executed: string[] = [];
    const { exec } = DatabaseSync.prototype;
    DatabaseSync.prototype.exec = function (sql: string) {
      executed.push(sql);
      exec.call(this, sql);
    };
    try {
      new SqliteKV(":memory:").close();
      new SqliteKV(":memory:", { durability: "process" }).close();
    } finally {
      DatabaseSync.prototype.exec = exec;
    }
    const settings = executed.join("\n").match(/synchronous = \w+/g);
    assert.deepEqual(settings, ["synchronous = FULL", "synchronous = NORMAL"]);
  });

  test("rejects calls after close, and may be closed twice", async () => {
    const kv = new SqliteKV(join(temporaryDirectory(), "kv.db"));
    kv.close();
    kv.close();
    await assert.rejects(kv.get("k"));
    await assert.rejects(kv.list({ prefix: "" }));
    await assert.rejects(kv.batch([]));
  });
});
