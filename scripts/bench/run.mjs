// The half of `npm run bench` that measures the run, the start and the size: gives its part of docs/benchmarks.md.
// `--large` adds a batch of a million requests to the sizes.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { corpus } from "../../benches/corpus.mjs";
import { node, root } from "../lib/env.mjs";
import { say } from "../lib/process.mjs";

/** `tools` are bench.mjs's own: `json` runs a program that prints JSON, `summary` and `cell` sum up its rounds. */
export function runSection({ quick, rounds, folder, json, summary, cell, tenths, table, round }) {
  say("bench: the run …");
  const requests = quick ? 3_000 : 20_000;
  const [ran] = json(node, ["benches/run.mjs", requests, rounds]);
  writeFileSync(join(folder, "run.jsonl"), corpus("chat", requests * 2700).bytes);
  const loop = json("python3", ["benches/loop.py", join(folder, "run.jsonl"), rounds + 1]).slice(1);
  const rate = (name) => cell(summary(ran.rates[name]));
  const python = cell(summary(loop.map(({ seconds }) => ran.requests / seconds)));

  say("bench: large batches …");
  const sizes = quick ? [1_000, 10_000] : [10_000, 100_000];
  if (process.argv.includes("--large")) sizes.push(1_000_000);
  const stores = { memory: "in memory, no files", disk: "SqliteKV and DiskFiles" };
  const large = Object.keys(stores).flatMap((kind) => json(node, ["benches/scale.mjs", kind, ...sizes]));
  const mb = (bytes) => (bytes === 0 ? "" : `${round(bytes / 1e6)} MB`);

  say("bench: the start …");
  const [start] = json(node, ["benches/start.mjs", quick ? 3 : 15]);
  const ms = (values) => tenths(summary(values));
  const [loaded, turns, page] = ["edgebatch", "turns", "validator"].map((name) =>
    weight(readFileSync(join(root, `dist/wasm/${name}_bg.wasm`))),
  );

  return `## The run, requests a second

${round(ran.requests)} chat requests of about 3 KB, answered at once, ten at a time. The plain loops read, parse, ask and write, without
validation, retries or checkpoints, and lose everything in a crash. On disk every group of 64 results is flushed
(\`fsync\`) before it counts; the plain loop flushes nothing. The Python one checks the file first and then works in chunks
of 50 with a barrier after each, as servers do (\`benches/loop.py\`).

${table(
  ["stores", "edgebatch", "plain JavaScript loop", "Python asyncio in chunks"],
  [
    ["in memory", `**${rate("edgebatch")}**`, rate("plain_loop"), python],
    ["SqliteKV and DiskFiles", `**${rate("edgebatch_disk")}**`, rate("plain_loop_disk"), ""],
  ],
)}

### Large batches

Requests of 400 bytes, instant answers, each size once in a process of its own. Stores in memory hold all results until the
batch ends, which is the memory that grows; on disk nothing does. The store is as large as the results it holds.
${sizes.includes(1_000_000) ? "" : "`npm run bench -- --large` adds a million.\n"}
${table(
  [
    "stores",
    "requests",
    "seconds",
    "requests a second",
    "µs of processor a request",
    "memory at most",
    "store",
  ],
  large.map((one) => [
    stores[one.kind],
    round(one.requests),
    one.seconds.toFixed(1),
    round(one.requests / one.seconds),
    one.cpuMicroseconds.toFixed(0),
    mb(one.rss),
    mb(one.store),
  ]),
)}

## The start, milliseconds

From import to the first validated line, in a fresh process or isolate each time. Node's time includes finding and
loading the package's files.

${table(["Node", "workerd"], [[ms(start.node), ms(start.workerd)]])}

The wasm that is loaded there is ${loaded}. What runs batches is ${turns}, and is loaded when the first is to run.
The page has one of its own of ${page}.
`;
}

function weight(bytes) {
  const kib = (count) => `${(count / 1024).toFixed(0)} KiB`;
  return `${kib(bytes.length)}, gzipped ${kib(gzipSync(bytes, { level: 9 }).length)}`;
}
