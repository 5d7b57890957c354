/** The build of the core that the page loads: what checks files, and nothing else. */

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { explainLine } from "../../js/core/explain.ts";
import { Validator } from "../../js/core/validator.ts";
import { setCore } from "../../js/core/wasm.ts";
import { Batches, echoInference, echoModels, MemoryFiles, MemoryKV } from "../../js/entry/node.ts";
import * as glue from "../../js/wasm/validator.js";

glue.initSync({ module: readFileSync(new URL("../../js/wasm/validator_bg.wasm", import.meta.url)) });
setCore(glue);

const line =
  '{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[]}}';

test("it checks files and explains lines", async () => {
  const bytes = new TextEncoder().encode(`${line}\n{"custom_id":\n`);
  const report = await Validator.validate([bytes], { endpoint: "/v1/chat/completions" });
  assert.equal(report.requestCount, 2);
  assert.deepEqual(
    report.errors.map(({ code, line }) => [code, line]),
    [["invalid_json_line", 2]],
  );
  assert.equal(explainLine(new TextEncoder().encode('{"a":'))?.offset, 5);
});

test("whoever wants batches of it is told that it has none", () => {
  const stores = { kv: new MemoryKV(), files: new MemoryFiles() };
  const options = { ...stores, inference: echoInference(), models: echoModels };
  assert.throws(() => new Batches(options), /this build of the core only checks files/);
});
