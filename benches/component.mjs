// The component beside the build for JavaScript: sizes, and how fast each starts, checks and runs, in one run. The component
// runs in wasmtime, and its validator by jco in Node. Builds all of it first: wasmtime, optimised, takes some minutes.
// `node benches/component.mjs [REQUESTS] [ROUNDS]` prints a table.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { buildComponents, componentFile, transpiled } from "../scripts/build/component.mjs";
import { wasmFile } from "../scripts/build/wasm.mjs";
import { build } from "../scripts/build.mjs";
import { env, node, root, targetDir } from "../scripts/lib/env.mjs";
import { capture, Failure, main, run, say } from "../scripts/lib/process.mjs";
import { corpus } from "./corpus.mjs";

const endpoint = "/v1/chat/completions";
const limits = { maxRequests: 1e9, maxFileBytes: 1e12 };
const piece = 256 * 1024;

/** One round more than is counted: the first compiles. */
async function measured(rounds, once) {
  const found = [];
  for (let round = 0; round <= rounds; round++) found.push(await once());
  return found.slice(1);
}

const megabytes = (bytes, start) => bytes.length / 1e3 / (performance.now() - start);

/** In a process of its own: the build for JavaScript. */
async function forJavaScript(file, requests, rounds) {
  const bytes = readFileSync(file);
  const { initSync } = await import("../dist/wasm/turns.js");
  const module = await WebAssembly.compile(readFileSync(join(root, wasmFile("turns"))));
  const start = performance.now();
  initSync({ module });
  const instantiate = [performance.now() - start];
  const { Batches, MemoryFiles, MemoryKV, Validator } = await import("../dist/entry/node.js");
  const validate = await measured(rounds, () => {
    const begun = performance.now();
    const validator = new Validator({ endpoint, limits });
    for (let at = 0; at < bytes.length; at += piece) validator.push(bytes.subarray(at, at + piece));
    if (validator.finish().requestCount !== requests) throw new Error("lines are missing");
    return megabytes(bytes, begun);
  });
  const { concat, encode } = { concat: Buffer.concat, encode: (text) => Buffer.from(text) };
  const inference = {
    infer: async ({ body }) => ({ status: 200, body: concat([encode('{"echo":'), body, encode("}")]) }),
  };
  const run = await measured(rounds, async () => {
    const files = new MemoryFiles();
    const input = await files.add("input.jsonl", bytes);
    const batches = new Batches({
      ...{ kv: new MemoryKV(), files, inference, models: { has: async () => true }, limits },
    });
    const begun = performance.now();
    const batch = await batches.create({ input_file_id: input.id, endpoint, completion_window: "24h" });
    const end = await batches.wait(batch.id, { pollMs: 5 });
    const took = (performance.now() - begun) / 1000;
    await batches.stop();
    if (end.request_counts.completed !== requests) throw new Error(JSON.stringify(end));
    return requests / took;
  });
  return { instantiate, validate, run };
}

/** In a process of its own: the validator that jco makes. */
async function byJco(file, requests, rounds) {
  const bytes = readFileSync(file);
  const start = performance.now();
  const { validation } = await import(`../${transpiled}`);
  const compileAndInstantiate = [performance.now() - start];
  const validate = await measured(rounds, () => {
    const begun = performance.now();
    const validator = validation.Validator.open(JSON.stringify({ endpoint, limits }), 1n, 2n);
    for (let at = 0; at < bytes.length; at += piece) validator.push(bytes.subarray(at, at + piece));
    if (JSON.parse(validator.finish()).requestCount !== requests) throw new Error("lines are missing");
    return megabytes(bytes, begun);
  });
  return { instantiate: compileAndInstantiate, validate, run: [] };
}

const ways = { forJavaScript, byJco };

const kib = (file) =>
  `${(gzipSync(readFileSync(join(root, file)), { level: 9 }).length / 1024).toFixed(1)} KiB`;
const shown = (value, digits) =>
  value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits });

/** The median, and the slowest and fastest round. */
function middle(values, digits) {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return "–";
  const [low, median, high] = [sorted[0], sorted[sorted.length >> 1], sorted[sorted.length - 1]];
  if (sorted.length === 1) return shown(median, digits);
  return `${shown(median, digits)} (${shown(low, digits)}–${shown(high, digits)})`;
}

function json(command, args, options) {
  const text = capture(command, args, options);
  if (text === null) throw new Failure(`failed: ${[command, ...args].join(" ")}`);
  return JSON.parse(text);
}

async function compare(wanted, rounds) {
  await buildComponents(build());
  const host = {
    cwd: join(root, "component/host"),
    env: { ...env, CARGO_TARGET_DIR: join(targetDir, "component-host") },
  };
  run("cargo", ["build", "--quiet", "--locked", "--release", "--example", "measure"], host);
  const { bytes, lines } = corpus("chat", wanted * 2700);
  const folder = mkdtempSync(join(tmpdir(), "edgebatch-component-"));
  try {
    const file = join(folder, "input.jsonl");
    writeFileSync(file, bytes);
    const inNode = (way) =>
      json(node, ["benches/component.mjs", "--way", way, file, `${lines}`, `${rounds}`]);
    const native = join(targetDir, "component-host/release/examples/measure");
    const [js, jco, wasmtime] = [
      ...[inNode("forJavaScript"), inNode("byJco")],
      json(native, [file, `${lines}`, `${rounds}`]),
    ];
    const rows = [
      ["for JavaScript, in Node", `${kib(wasmFile("edgebatch"))} and ${kib(wasmFile("turns"))}`, js],
      ["`batches`, in wasmtime", kib(componentFile("batches")), wasmtime],
      ["`validator`, by jco in Node", `${kib(componentFile("validator"))}, glue ${kib(transpiled)}`, jco],
    ];
    say("| build | gzipped | instantiated in ms | validation, MB/s | instant batch, requests/s |");
    say("| --- | --- | --- | --- | --- |");
    for (const [name, size, { instantiate, validate, run: rates }] of rows)
      say(`| ${name} | ${size} | ${middle(instantiate, 1)} | ${middle(validate, 0)} | ${middle(rates, 0)} |`);
    say(`${lines} lines; wasmtime compiles the component in ${middle([wasmtime.compile], 0)} ms`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

main(async () => {
  const [first, second, ...others] = process.argv.slice(2);
  if (first !== "--way") return compare(Number(first ?? 10_000), Number(second ?? 9));
  const [file, requests, rounds] = others;
  process.stdout.write(JSON.stringify(await ways[second](file, Number(requests), Number(rounds))));
});
