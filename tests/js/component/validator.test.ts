/** The component of the world `validator`, as jco makes it run in Node. `node scripts/test.mjs component` builds it first. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { componentWit } from "@bytecodealliance/jco-transpile/wasm-tools";
import { type Dialect, Validator } from "../../../js/entry/node.ts";

/** What `component/wit` says of a validator. */
interface Checked {
  push(chunk: Uint8Array): void;
  finish(): string;
  report(): string;
  statistics(): string;
}

const built = new URL("../../../target/components/", import.meta.url);
const { validation } = (await import(new URL("js/validator.js", built).href)) as {
  validation: { Validator: { open(options: string, key0: bigint, key1: bigint): Checked } };
};
const files = new URL("../../data/files/", import.meta.url);
const endpoint = "/v1/chat/completions";

const open = (options: object) => validation.Validator.open(JSON.stringify(options), 1n, 2n);

function pushAll(validator: { push(chunk: Uint8Array): void }, bytes: Uint8Array, piece: number): void {
  for (let from = 0; from < bytes.length; from += piece) validator.push(bytes.subarray(from, from + piece));
}

suite("The validator as a component", () => {
  for (const dialect of ["openai", "reference"] satisfies Dialect[]) {
    test(`reports of every file what the library reports, in the dialect ${dialect}`, () => {
      const names = readdirSync(files);
      assert.ok(names.length > 20);
      for (const name of names) {
        const bytes = readFileSync(new URL(name, files));
        const [ours, component] = [new Validator({ endpoint, dialect }), open({ endpoint, dialect })];
        pushAll(ours, bytes, 7);
        pushAll(component, bytes, 7);
        assert.deepEqual(JSON.parse(component.finish()), { ...ours.finish() }, name);
      }
    });
  }

  test("gives statistics where they are asked for", () => {
    const line = `{"custom_id":"a","method":"POST","url":"${endpoint}","body":{"model":"m","messages":[]}}\n`;
    const bytes = new TextEncoder().encode(line);
    const [asked, other] = [open({ endpoint, statistics: true }), open({ endpoint })];
    for (const validator of [asked, other]) validator.push(bytes);
    assert.deepEqual(JSON.parse(asked.statistics()).models, [{ name: "m", count: 1 }]);
    assert.equal(other.statistics(), "null");
    assert.equal(JSON.parse(asked.report()).requestCount, 1);
  });

  test("refuses options with the member at fault", () => {
    const refused = [
      ["{}", "endpoint", "missing_required_parameter"],
      ['{"endpoint":5}', "endpoint", "invalid_type"],
      [JSON.stringify({ endpoint, statistics: "yes" }), "statistics", "invalid_type"],
      [JSON.stringify({ endpoint, limits: { maxRequests: "many" } }), "limits.maxRequests", undefined],
      ["{", undefined, undefined],
    ] as const;
    for (const [options, param, code] of refused) {
      // What WIT calls an error jco throws as it stands.
      assert.throws(
        () => validation.Validator.open(options, 1n, 2n),
        (error: Record<string, unknown>) => {
          assert.deepEqual([error.status, error.param, error.code], [400, param, code], options);
          return true;
        },
      );
    }
  });

  test("imports nothing, and the world batches nothing but what its host is", async () => {
    const imported = async (world: string) => {
      const wit = await componentWit(readFileSync(new URL(`edgebatch-${world}.wasm`, built)));
      const names = wit.matchAll(/^ {2}import ([^;]+);/gm);
      return [...names].map(([, name]) => (name as string).replace(/^edgebatch:component\/|@.*$/g, ""));
    };
    assert.deepEqual(await imported("validator"), ["types"]);
    const host = ["clock", "control", "files", "inference", "kv", "random", "types"];
    assert.deepEqual((await imported("batches")).sort(), host);
  });
});

test("the program of docs/component.md runs", () => {
  const docs = readFileSync(new URL("../../../docs/component.md", import.meta.url), "utf8");
  const program = /^```js\n([\s\S]*?)^```/m.exec(docs)?.[1] ?? "";
  const [named, module] = ['"./edgebatch-validator.js"', new URL("js/validator.js", built).href];
  assert.ok(program.includes(named));
  const args = ["--input-type=module", "--eval", program.replace(named, JSON.stringify(module))];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /missing_required_parameter/);
});
