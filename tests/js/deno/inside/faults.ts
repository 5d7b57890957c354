/** What `DenoKV` promises whoever is killed, or comes between, at whichever of its calls. */

import { strict as assert } from "node:assert";
import { patternBytes } from "../../../../js/contract/assert.ts";
import type { KV, KVOp } from "../../../../js/core/types.ts";
import { DenoKV, type DenoKvDatabase } from "../../../../js/hosts/kv/deno-kv.ts";
import { openDatabase, strays } from "./open.ts";

type State = Record<string, Uint8Array>;

// In one part each: with their heads more entries than one transaction deletes.
const old = Array.from({ length: 780 }, (_, i) => `old:${1000 + i}`);
const before: State = {
  a: patternBytes(200_000, 1),
  b: patternBytes(100, 3),
  ...Object.fromEntries(old.map((key, i) => [key, patternBytes(17_000, i)])),
};
const after: State = { a: patternBytes(3_000_000, 5), b: patternBytes(100, 7), c: patternBytes(700_000, 9) };

/** From one state to the other: values of several transactions in the place of more parts than one transaction deletes. */
const large: KVOp[] = [
  ...Object.entries(after).map(([key, value]): KVOp => ({ type: "set", key, value })),
  ...old.map((key): KVOp => ({ type: "delete", key })),
];
/** The same in one transaction. */
const small: KVOp[] = [
  { type: "set", key: "a", value: patternBytes(300_000, 11) },
  { type: "delete", key: "old:1000" },
];

async function filled(): Promise<DenoKvDatabase> {
  const database = await openDatabase(":memory:");
  const kv = new DenoKV(database);
  await kv.batch(Object.entries(before).map(([key, value]) => ({ type: "set", key, value })));
  return database;
}

/** What is done before each call of a database, and after each commit; each gets its number. */
interface Hooks {
  read?(n: number): Promise<void>;
  commit?(n: number): Promise<void>;
  committed?(n: number): void;
}

function watched(database: DenoKvDatabase, hooks: Hooks): DenoKvDatabase {
  let reads = 0;
  let commits = 0;
  return {
    async getMany(keys) {
      await hooks.read?.(++reads);
      return database.getMany(keys);
    },
    async *list(range, options) {
      await hooks.read?.(++reads);
      yield* database.list(range, options);
    },
    atomic() {
      const transaction = database.atomic();
      const commit = transaction.commit.bind(transaction);
      transaction.commit = async () => {
        const n = ++commits;
        await hooks.commit?.(n);
        const done = await commit();
        hooks.committed?.(n);
        return done;
      };
      return transaction;
    },
    close: () => {},
  };
}

async function stateOf(kv: KV): Promise<State> {
  const { entries, more } = await kv.list({ prefix: "" });
  assert.equal(more, false);
  const state = Object.fromEntries(entries);
  for (const key of ["a", "b", "c"]) assert.ok(same(await kv.get(key), state[key] ?? null), key);
  return state;
}

const same = (a: Uint8Array | null | undefined, b: Uint8Array | null | undefined) =>
  a && b ? Buffer.compare(a, b) === 0 : a === b;

const isState = (state: State, expected: State) =>
  Object.keys(state).join() === Object.keys(expected).sort().join() &&
  Object.entries(expected).every(([key, value]) => same(state[key], value));

/** Two minutes later for whoever looks at the clock. */
async function later<T>(work: () => Promise<T>): Promise<T> {
  const { now } = Date;
  Date.now = () => now() + 120_000;
  try {
    return await work();
  } finally {
    Date.now = now;
  }
}

async function killedAt(when: "before" | "after", ops: KVOp[], ended: State): Promise<void> {
  let isKilled = true;
  let transactions = 0;
  for (let at = 1; isKilled; at++, transactions++) {
    const database = await filled();
    isKilled = false;
    const die = (isNow: boolean) => {
      isKilled ||= isNow;
      if (isKilled) throw new Error("killed");
    };
    const dying = watched(database, {
      read: async () => die(false),
      commit: async (n) => die(when === "before" && n === at),
      committed: (n) => die(when === "after" && n === at),
    });
    const check = [{ key: "b", value: before.b as Uint8Array }];
    const outcome = await new DenoKV(dying).batch(ops, check).catch((error) => String(error));
    const kv = new DenoKV(database);
    const state = await stateOf(kv);
    const isNew = isState(state, ended);
    assert.ok(isNew || isState(state, before), `killed ${when} transaction ${at}: a part was written`);
    // One that has cleared away only later is told of no fault.
    assert.ok(isNew || outcome === "Error: killed", `killed ${when} transaction ${at}: ${outcome}`);
    await later(() => new DenoKV(database).set("z", new Uint8Array(1)));
    assert.deepEqual(await strays(database), [], `killed ${when} transaction ${at}`);
    await kv.delete("z");
    assert.ok(isState(await stateOf(kv), isNew ? ended : before), `swept after transaction ${at}`);
    database.close();
  }
  assert.ok(transactions > (ops === large ? 8 : 1), `${transactions} transactions`);
}

const smallEnded: State = { ...before, a: patternBytes(300_000, 11) };
delete smallEnded["old:1000"];

export const faultTests: Record<string, () => Promise<void>> = {
  "leaves all or nothing of a large batch, and no stray parts, killed before any of its transactions": () =>
    killedAt("before", large, after),
  "leaves all or nothing of a large batch, and no stray parts, killed after any of its transactions": () =>
    killedAt("after", large, after),
  "leaves all or nothing of a small batch, and no stray parts, killed before or after its transaction":
    async () => {
      await killedAt("before", small, smallEnded);
      await killedAt("after", small, smallEnded);
    },

  "writes whole values, and leaves no stray parts, whoever replaces them before any of its transactions":
    async () => {
      for (let at = 1, isOver = false; !isOver; at++) {
        const database = await filled();
        isOver = true;
        const rival = new DenoKV(database);
        const raced = watched(database, {
          commit: async (n) => {
            if (n !== at) return;
            isOver = false;
            await rival.set("a", patternBytes(150_000, 13));
            await rival.set("old:1001", patternBytes(150_000, 15));
            await rival.set("new", patternBytes(17));
          },
        });
        assert.equal(await new DenoKV(raced).batch(large), true);
        const state = await stateOf(rival);
        delete state.new;
        // What a rival wrote when the heads were written stands over them.
        if (same(state.a, patternBytes(150_000, 13))) state.a = after.a as Uint8Array;
        if (same(state["old:1001"], patternBytes(150_000, 15))) delete state["old:1001"];
        assert.ok(isState(state, after), `before transaction ${at}`);
        assert.deepEqual(await strays(database), [], `before transaction ${at}`);
        database.close();
      }
    },

  "writes anew what was taken for a killed process's before any of its transactions": async () => {
    for (let at = 1, isOver = false; !isOver; at++) {
      const database = await filled();
      isOver = true;
      const slow = watched(database, {
        commit: async (n) => {
          if (n !== at) return;
          isOver = false;
          await later(() => new DenoKV(database).set("z", new Uint8Array(1)));
        },
      });
      assert.equal(await new DenoKV(slow).batch(large), true);
      const kv = new DenoKV(database);
      await kv.delete("z");
      assert.ok(isState(await stateOf(kv), after), `before transaction ${at}`);
      assert.deepEqual(await strays(database), [], `before transaction ${at}`);
      database.close();
    }
  },

  "leaves alone what a writer finishes while it is taken for a killed process's": async () => {
    const database = await filled();
    let goOn = () => {};
    const stalled = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let isStalled = () => {};
    const reached = new Promise<void>((resolve) => {
      isStalled = resolve;
    });
    const slow = watched(database, {
      commit: async (n) => {
        if (n !== 3) return;
        isStalled();
        await stalled;
      },
    });
    const written = new DenoKV(slow).batch([{ type: "set", key: "a", value: patternBytes(2_000_000) }]);
    await reached;
    const sweeper = watched(database, {
      commit: async (n) => {
        if (n !== 1) return;
        goOn();
        await written;
      },
    });
    await later(() => new DenoKV(sweeper).delete("z"));
    assert.equal(await written, true);
    assert.ok(isState(await stateOf(new DenoKV(database)), { ...before, a: patternBytes(2_000_000) }));
    assert.deepEqual(await strays(database), []);
    database.close();
  },

  "refuses a batch, and leaves no parts of it, whose check fails once they are written": async () => {
    const database = await filled();
    const raced = watched(database, {
      commit: async (n) => {
        if (n === 3) await new DenoKV(database).set("b", patternBytes(5));
      },
    });
    const check = [{ key: "b", value: before.b as Uint8Array }];
    assert.equal(await new DenoKV(raced).batch(large, check), false);
    assert.ok(isState(await stateOf(new DenoKV(database)), { ...before, b: patternBytes(5) }));
    assert.deepEqual(await strays(database), []);
    database.close();
  },

  "reads whole values, got or listed, while each is replaced before any of its reads": async () => {
    for (let at = 1, isOver = false; !isOver; at++) {
      const database = await openDatabase(":memory:");
      isOver = true;
      const rival = new DenoKV(database);
      const values = [1, 2, 3].map((seed) => patternBytes(150_000 + seed, seed));
      await rival.set("a", values[0] as Uint8Array);
      await rival.set("b", values[0] as Uint8Array);
      const reader = new DenoKV(
        watched(database, {
          read: async (n) => {
            if (n !== at) return;
            isOver = false;
            await rival.set("a", values[1] as Uint8Array);
            await rival.set("b", values[2] as Uint8Array);
          },
        }),
      );
      const found = [await reader.get("a"), await reader.get("b")];
      const { entries } = await reader.list({ prefix: "" });
      assert.equal(entries.length, 2);
      for (const value of [...found, ...entries.map(([, value]) => value)])
        assert.ok(
          values.some((known) => same(known, value)),
          `before read ${at}`,
        );
      database.close();
    }
  },

  "waits while the database is locked, and rejects once that has taken too long": async () => {
    const database = await openDatabase(":memory:");
    let locked = 5;
    const busy = watched(database, {
      read: async () => {
        if (locked-- > 0) throw new TypeError("database is locked");
      },
      commit: async () => {
        if (locked-- > 0) throw new TypeError("database is locked");
      },
    });
    const kv = new DenoKV(busy, { busyTimeoutMs: 10_000 });
    assert.equal(await kv.get("a"), null);
    locked = 5;
    await kv.set("a", patternBytes(5));
    assert.ok(same(await new DenoKV(database).get("a"), patternBytes(5)));
    locked = Number.POSITIVE_INFINITY;
    await assert.rejects(new DenoKV(busy, { busyTimeoutMs: 20 }).get("a"), /database is locked/);
    database.close();
  },

  "keeps stores of different prefixes in one database apart": async () => {
    const database = await openDatabase(":memory:");
    const [one, two] = [new DenoKV(database, { prefix: ["a"] }), new DenoKV(database, { prefix: ["a", 1] })];
    await one.set("k", patternBytes(100_000));
    assert.deepEqual(await two.list({ prefix: "" }), { entries: [], more: false });
    await two.set("k", patternBytes(5));
    assert.equal((await one.get("k"))?.length, 100_000);
    assert.equal((await one.list({ prefix: "" })).entries.length, 1);
    await two.delete("k");
    assert.equal((await one.get("k"))?.length, 100_000);
    database.close();
  },

  "refuses what one transaction cannot write or check, and writes nothing of it": async () => {
    const kv = new DenoKV(await openDatabase(":memory:"));
    const ops = (count: number) =>
      Array.from(
        { length: count },
        (_, i): KVOp => ({ type: "set", key: `k:${i}`, value: new Uint8Array(1) }),
      );
    const checks = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ key: `c:${i}`, value: null }));
    await assert.rejects(
      kv.batch(ops(901)),
      /^RangeError: A batch of 901 writes; Deno KV takes at most 900 at once\.$/,
    );
    await assert.rejects(kv.batch([], checks(99)), /^RangeError: A batch of 99 checks/);
    assert.deepEqual(await kv.list({ prefix: "" }), { entries: [], more: false });
    assert.equal(await kv.batch(ops(900), checks(98)), true);
    // Of values that are too many for one transaction, too.
    const value = patternBytes(16_384);
    assert.equal(await kv.batch(ops(300).map((op) => ({ ...op, value }))), true);
    for (let i = 0; i < 300; i++) assert.ok(same(await kv.get(`k:${i}`), value), `k:${i}`);
    kv.close();
  },
};
