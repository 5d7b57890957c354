import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { kvContract } from "../../../js/contract/index.ts";
import { SqliteKV } from "../../../js/hosts/kv/sqlite.ts";
import { Store, StoreWriter } from "../../../js/node/serve/store.ts";
import { temporaryDirectory } from "../hosts/temp.ts";

const set = (key: string, text: string) => ({
  ...{ type: "set" as const, key },
  value: new TextEncoder().encode(text),
});

describe("a store that is written in another thread keeps the contract", () => {
  const writer = new StoreWriter();
  after(() => writer.close());
  const tests = kvContract(async () => {
    const path = join(temporaryDirectory(), "kv.db");
    const opened = [new Store(path, writer)];
    const open = async () => {
      const store = new Store(path, writer);
      opened.push(store);
      return store;
    };
    return {
      ...{ kv: opened[0] as Store, open, reopen: open },
      close: async () => {
        for (const store of opened) store.close();
      },
    };
  });
  for (const t of tests) test(t.name, t.run);
});

describe("the thread that writes", () => {
  test("takes the values of views as they are, and leaves them to the caller", async () => {
    const writer = new StoreWriter();
    const store = new Store(join(temporaryDirectory(), "kv.db"), writer);
    const all = new TextEncoder().encode("before, the value, after");
    const value = all.subarray(8, 17);
    await store.set("a", value);
    assert.equal(new TextDecoder().decode((await store.get("a")) ?? undefined), "the value");
    assert.equal(new TextDecoder().decode(all), "before, the value, after");
    await writer.close();
    store.close();
  });

  test("says what SQLite says of a write that it refuses, and goes on", async () => {
    const writer = new StoreWriter();
    const path = join(temporaryDirectory(), "kv.db");
    const store = new Store(path, writer);
    await store.set("a", new Uint8Array([1]));
    const other = new SqliteKV(path);
    await assert.rejects(store.batch([set("b", "x".repeat(17 * 1024 * 1024))]), { name: "RangeError" });
    await assert.rejects(writer.write(join(path, "none"), [set("b", "x")], []), (error: Error) => {
      assert.match(error.message, /cannot open the store/);
      assert.ok("code" in error);
      return true;
    });
    assert.equal(await store.batch([set("b", "x")]), true);
    assert.equal((await other.get("b"))?.length, 1);
    other.close();
    await writer.close();
    store.close();
  });

  test("does what it was given before it ends, and another one does the next", async () => {
    const writer = new StoreWriter();
    const store = new Store(join(temporaryDirectory(), "kv.db"), writer);
    const writes = Array.from({ length: 50 }, (_, n) => store.batch([set(`key-${n}`, "x")]));
    await writer.close();
    assert.deepEqual(new Set(await Promise.all(writes)), new Set([true]));
    assert.equal(await store.batch([set("later", "x")]), true);
    assert.equal((await store.list({ prefix: "" })).entries.length, 51);
    await writer.close();
    store.close();
  });
});
