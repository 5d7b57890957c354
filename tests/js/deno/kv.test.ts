/** Guards the key-value store in Deno's own: the contract, kills and rivals at each of its calls, and several processes. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { kvContract } from "../../../js/contract/index.ts";
import { DenoKV, type DenoKvDatabase } from "../../../js/hosts/kv/deno-kv.ts";
import { finish, killAfter } from "../hosts/children.ts";
import { temporaryDirectory } from "../hosts/temp.ts";
import { deno, inside, startOver } from "./children.ts";
import { faultTests } from "./inside/faults.ts";

describe("DenoKV", () => {
  let outcomes: Record<string, string> = {};
  before(async () => {
    const [program, ...args] = deno as [string, ...string[]];
    const { stdout } = await promisify(execFile)(program, [...args, fileURLToPath(`${inside}main.ts`)]);
    outcomes = JSON.parse(stdout);
  });
  const never = () => Promise.reject(new Error("only the names are used here"));
  for (const name of [...kvContract(never).map(({ name }) => name), ...Object.keys(faultTests)])
    test(name, () => assert.equal(outcomes[name], "ok"));
});

test("DenoKV refuses options that there are not, or that are of the wrong kind, by name", () => {
  const make = (options: object) => new DenoKV({} as DenoKvDatabase, options);
  assert.throws(() => make({ prefx: ["a"] }), /DenoKV has no option 'prefx'\. Did you mean 'prefix'\?/);
  assert.throws(() => make({ prefix: "a" }), /'prefix': expected an array of parts of a key/);
  assert.throws(
    () => make({ busyTimeoutMs: -1 }),
    /'busyTimeoutMs': expected a whole number of milliseconds/,
  );
  assert.throws(() => new DenoKV(undefined as never), /'database'/);
});

describe("Of several processes over one file of Deno", () => {
  test("all open, make and write it at once", async () => {
    const directory = temporaryDirectory();
    const path = join(directory, "kv.db");
    const children = [0, 1, 2, 3].map((who) =>
      startOver(
        directory,
        path,
        `for (let i = 0; i < 40; i++) {
           await kv.set("p${who}:" + i, new Uint8Array(100));
           const op = { type: "set", key: "b${who}:" + i, value: new Uint8Array(100_000) } as const;
           await kv.batch([op, { type: "set", key: "shared", value: new Uint8Array([${who}]) }]);
           await kv.list({ prefix: "p", limit: 10 });
         }
         kv.close();`,
      ),
    );
    await Promise.all(children.map(finish));
    const found = await finish(
      startOver(
        directory,
        path,
        `const count = async (prefix: string) => (await kv.list({ prefix })).entries.length;
         console.log(await count("p"), await count("b"));`,
      ),
    );
    assert.equal(found, "160 160\n");
  });

  test("none loses increments that others make under checks", async () => {
    const directory = temporaryDirectory();
    const path = join(directory, "kv.db");
    const children = [0, 1, 2, 3].map((who) =>
      startOver(
        directory,
        path,
        `const text = new TextEncoder();
         let failed = 0;
         await kv.set("ready:${who}", text.encode(""));
         while ((await kv.list({ prefix: "ready:" })).entries.length < 4) await new Promise((r) => setTimeout(r, 1));
         for (let i = 0; i < 100; i++) {
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
    const found = await finish(
      startOver(
        directory,
        path,
        `const { entries } = await kv.list({ prefix: "who:" });
         const whose = entries.map(([, value]) => new TextDecoder().decode(value)).sort().join("");
         console.log(new TextDecoder().decode((await kv.get("count")) ?? undefined), whose);`,
      ),
    );
    assert.equal(found, `400 ${"0123".replace(/./g, (who) => who.repeat(100))}\n`);
    assert.ok(
      failed.map(Number).reduce((sum, n) => sum + n) > 0,
      "no check failed: the processes did not meet",
    );
  });

  test("one that is killed in the middle of large writes has all that was acknowledged, and nothing torn", async () => {
    const directory = temporaryDirectory();
    const path = join(directory, "kv.db");
    const values = `import { patternBytes } from ${JSON.stringify(new URL("../../../js/contract/assert.ts", import.meta.url).href)};
      const valueOf = (i: number) => patternBytes(1_500_000, 2 * i + 1);`;
    for (const lines of [3, 5, 8, 4]) {
      const child = startOver(
        directory,
        path,
        `${values}
         import { writeSync } from "node:fs";
         const last = await kv.get("last");
         for (let i = last === null ? 0 : new DataView(last.buffer).getUint32(0) + 1; ; i++) {
           const at = new Uint8Array(4);
           new DataView(at.buffer).setUint32(0, i);
           const large = [0, 1].map((j) => ({ type: "set", key: "large:" + (i % 3) + ":" + j, value: valueOf(i) }) as const);
           await kv.batch([...large, { type: "set", key: "last", value: at }]);
           writeSync(1, i + "\\n");
         }`,
      );
      const acknowledged = Number((await killAfter(child, lines)).at(-1));
      const found = await finish(
        startOver(
          directory,
          path,
          `${values}
           import { openDatabase, strays } from ${JSON.stringify(`${inside}open.ts`)};
           const { now } = Date;
           Date.now = () => now() + 120_000;
           await kv.delete("none");
           const last = new DataView((await kv.get("last")).buffer).getUint32(0);
           let whole = 0;
           for (let i = Math.max(0, last - 2); i <= last; i++)
             for (const j of [0, 1])
               if (Buffer.compare(await kv.get("large:" + (i % 3) + ":" + j), valueOf(i)) === 0) whole++;
           console.log(JSON.stringify({ last, whole, strays: await strays(await openDatabase(${JSON.stringify(path)})) }));`,
        ),
      );
      const { last, whole, strays } = JSON.parse(found);
      assert.ok(last >= acknowledged, `${last} after ${acknowledged}`);
      assert.equal(whole, Math.min(6, 2 * (last + 1)));
      assert.deepEqual(strays, []);
    }
  });
});
