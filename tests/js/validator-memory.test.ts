/** What the wasm build holds for a large file: its memory never shrinks, so its size at the end is the most it ever was. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { Validator } from "../../js/entry/node.ts";
import * as glue from "../../js/wasm/edgebatch.js";

// The module is loaded already: this gives its exports again.
const { memory } = glue.initSync({
  module: readFileSync(new URL("../../js/wasm/edgebatch_bg.wasm", import.meta.url)),
});
const endpoint = "/v1/chat/completions";
const encoder = new TextEncoder();
const line = (id: string, text: string) =>
  `{"custom_id":"${id}","method":"POST","url":"${endpoint}","body":{"model":"m","messages":[{"role":"user","content":"${text}"}]}}\n`;

test("a gigabyte validates in ten megabytes", () => {
  const validator = new Validator({ endpoint, limits: { maxFileBytes: 2 ** 40 } });
  // Cut elsewhere each time, so that lines go on from chunk to chunk.
  const text = encoder.encode(line("twenty thousand ids @@@@@", "größer \\n \\u00e9 ".repeat(3_000)));
  const id = text.indexOf(0x40);
  const chunk = new Uint8Array(250_000);
  let filled = 0;
  let lines = 0;
  let bytes = 0;
  while (bytes < 2 ** 30) {
    text.set(encoder.encode(String(lines++).padStart(5, "0")), id);
    for (let from = 0; from < text.length; ) {
      const piece = text.subarray(from, from + chunk.length - filled);
      chunk.set(piece, filled);
      from += piece.length;
      filled += piece.length;
      if (filled === chunk.length) {
        validator.push(chunk);
        filled = 0;
      }
    }
    bytes += text.length;
  }
  validator.push(chunk.subarray(0, filled));
  const report = validator.finish();
  assert.deepEqual([report.requestCount, report.errorCount, report.bytes], [lines, 0, bytes]);
  assert.ok(memory.buffer.byteLength <= 10e6, `${memory.buffer.byteLength} bytes`);
});

test("a million ids take at most 26 MiB, however their hashes fall", () => {
  const before = memory.buffer.byteLength;
  const validator = new Validator({ endpoint, limits: { maxRequests: 1e6, maxFileBytes: 2 ** 40 } });
  for (let thousand = 0; thousand < 1_000; thousand++) {
    const ids = Array.from({ length: 1_000 }, (_, i) => line(`request-${thousand}-${i}`, ""));
    validator.push(encoder.encode(ids.join("")));
  }
  const report = validator.finish();
  assert.deepEqual([report.requestCount, report.errorCount], [1_000_000, 0]);
  const grown = memory.buffer.byteLength - before;
  assert.ok(grown <= 26 * 2 ** 20, `${grown} bytes`);
});
