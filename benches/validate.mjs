// Validation in wasm, and its rivals in JavaScript and wasm, in one process: one child per shape, so that none runs on
// code that another shape warmed up. Prints one JSON object. `node benches/validate.mjs SHAPE BYTES ROUNDS RIVAL_WASM`
import { readFileSync } from "node:fs";
import { corpus } from "./corpus.mjs";

const { Validator } = await import("../dist/entry/node.js");
const [shape, size, rounds, rivalWasm] = process.argv.slice(2);
const { bytes, lines } = corpus(shape, Number(size));
const limits = { maxRequests: 1e9, maxFileBytes: 1e12 };
const chunk = 256 * 1024;
const decoder = new TextDecoder();

const rival = (await WebAssembly.instantiate(readFileSync(rivalWasm))).instance.exports;
// The rival is spared the way in: its bytes lie in its memory before the clock starts.
const room = rival.room(bytes.length);
new Uint8Array(rival.memory.buffer).set(bytes, room);

const runs = {
  edgebatch() {
    const validator = new Validator({ endpoint: "/v1/chat/completions", limits });
    for (let at = 0; at < bytes.length; at += chunk) validator.push(bytes.subarray(at, at + chunk));
    const report = validator.finish();
    return report.errorCount === 0 ? report.requestCount : -1;
  },
  json_parse() {
    let count = 0;
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(10, at);
      if (JSON.parse(decoder.decode(bytes.subarray(at, end))).custom_id !== "") count++;
      at = end + 1;
    }
    return count;
  },
  serde_json_ignored: () => rival.count(room, bytes.length, false),
  serde_json_values: () => rival.count(room, bytes.length, true),
};

const speeds = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
// One round more than is counted: the first compiles.
for (let round = 0; round <= Number(rounds); round++) {
  for (const [name, run] of Object.entries(runs)) {
    const start = performance.now();
    const count = run();
    const megabytes = bytes.length / 1e3 / (performance.now() - start);
    if (count !== lines && !(shape === "nested" && name.startsWith("serde_json"))) {
      throw new Error(`${name}, ${shape}: ${count} of ${lines} lines were taken`);
    }
    if (round > 0) speeds[name].push(megabytes);
  }
}
process.stdout.write(JSON.stringify({ shape, lineBytes: Math.round(bytes.length / lines), speeds }));
