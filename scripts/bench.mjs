// `npm run bench`: validation and the run beside their rivals, each in the same run as ours, medians of several rounds
// with the slowest and fastest. Writes docs/benchmarks.md and docs/benchmarks.svg. `--quick` is for trying the script
// out and writes nothing.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { corpus, shapes } from "../benches/corpus.mjs";
import { runSection } from "./bench-run.mjs";
import { build } from "./build.mjs";
import { capture, env, Failure, main, node, root, run, say, target, wasmEnv } from "./lib.mjs";

const quick = process.argv.includes("--quick");
const megabytes = quick ? 10 : 50;
const rounds = quick ? 2 : 5;
const native = ["chat", "english", "raw_unicode", "tiny"];

const json = (command, args) => {
  const text = capture(command, args, { maxBuffer: 1 << 26 });
  if (text === null) throw new Failure(`bench: failed: ${[command, ...args].join(" ")}`);
  return text.split("\n").map((line) => JSON.parse(line));
};

/** The median, and the slowest and fastest round. */
function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], low: sorted[0], high: sorted[sorted.length - 1] };
}

const round = (value) => Math.round(value).toLocaleString("en-US");
const cell = ({ median, low, high }) => `${round(median)} (${round(low)}–${round(high)})`;
const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

function validation(rivalWasm) {
  return Object.keys(shapes).map((shape) => {
    say(`bench: validation of ${shape} …`);
    const [result] = json(node, ["benches/validate.mjs", shape, megabytes * 1e6, rounds, rivalWasm]);
    const speeds = Object.fromEntries(
      Object.entries(result.speeds).map(([name, values]) => [name, summary(values)]),
    );
    return { ...result, speeds };
  });
}

function validationTable(results) {
  const rows = results.map(({ shape, lineBytes, speeds }) => {
    const { edgebatch: ours, json_parse, serde_json_ignored, serde_json_values } = speeds;
    const times = (ours.median / json_parse.median).toFixed(1);
    const rest = [json_parse, serde_json_ignored, serde_json_values].map(cell);
    return [shape, round(lineBytes), `**${cell(ours)}**`, ...rest, `${times} ×`];
  });
  const head = [
    "input",
    "bytes a line",
    "edgebatch",
    "JSON.parse",
    "serde_json, ignoring",
    "serde_json, building",
  ];
  return table([...head, "to JSON.parse"], rows);
}

function nativeTable(folder) {
  say("bench: native, with Criterion …");
  const results = join(root, "target/rivals");
  const args = [
    "bench",
    "--quiet",
    "--bench",
    "validate",
    "--",
    "--warm-up-time",
    "0.5",
    "--measurement-time",
    "1.5",
  ];
  run("cargo", args, {
    cwd: join(root, "benches/rivals"),
    env: { ...env, CARGO_TARGET_DIR: results, EDGEBATCH_CORPUS: folder },
  });
  const names = ["edgebatch", "serde_json, values ignored", "serde_json, values built"];
  names.push("simd-json, tape", "sonic-rs, values built");
  const rows = native.map((shape) => {
    const speed = (name) => {
      const file = join(results, "criterion", shape, name);
      const estimates = JSON.parse(readFileSync(join(file, "new/estimates.json"), "utf8"));
      const bytes = readFileSync(join(folder, `${shape}.jsonl`)).length;
      const at = (ns) => (bytes / ns) * 1e3;
      const { point_estimate: point, confidence_interval: interval } = estimates.median;
      return { median: at(point), low: at(interval.upper_bound), high: at(interval.lower_bound) };
    };
    return [shape, ...names.map((name) => cell(speed(name)))];
  });
  return table(["input", ...names], rows);
}

/** Bars of the chat corpus, for README. */
function chart(bars) {
  const most = Math.max(...bars.map(([, value]) => value));
  const rows = bars.map(([name, value], i) => {
    const y = 34 + i * 30;
    const width = Math.max(2, Math.round((value / most) * 360));
    const fill = i === 0 ? "#2f6feb" : "#9aa4b2";
    return `  <text x="172" y="${y + 15}" text-anchor="end">${name}</text>
  <rect x="180" y="${y}" width="${width}" height="20" rx="3" fill="${fill}"/>
  <text x="${186 + width}" y="${y + 15}">${round(value)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="620" height="${44 + bars.length * 30}" font-family="system-ui, sans-serif" font-size="13" fill="#57606a" role="img">
  <title>Validation of chat requests, MB/s, more is better</title>
  <text x="10" y="20" font-weight="600">Validation of chat requests of about 3 KB, MB/s, more is better</text>
${rows.join("\n")}
</svg>
`;
}

main(() => {
  build();
  const folder = join(root, "target/bench");
  mkdirSync(folder, { recursive: true });
  for (const shape of native) {
    writeFileSync(join(folder, `${shape}.jsonl`), corpus(shape, Math.min(megabytes, 50) * 1e6).bytes);
  }
  const rivals = join(root, "target/rivals");
  run("cargo", ["build", "--release", "--quiet", "--lib", "--target", target, "--target-dir", rivals], {
    cwd: join(root, "benches/rivals"),
    // The same instructions for both: SIMD, which serde_json itself does not use.
    env: { ...wasmEnv(), RUSTFLAGS: "-C target-feature=+simd128" },
  });
  const results = validation(join(rivals, target, "release/edgebatch_rivals.wasm"));

  say("bench: the rules in Python …");
  const chat = join(folder, "chat.jsonl");
  const size = readFileSync(chat).length;
  const python = json("python3", ["benches/rules.py", chat, rounds]);
  if (python.some(({ errors }) => errors > 0)) throw new Failure("bench: Python found errors");
  const rules = summary(python.map(({ seconds }) => size / 1e6 / seconds));

  const ranText = runSection({ quick, rounds, folder, json, summary, cell, table, round });
  const nativeRows = process.argv.includes("--no-native") ? "" : nativeTable(folder);

  const ours = results[0].speeds.edgebatch.median;
  const text = `# Benchmarks

\`npm run bench\` wrote this page on ${cpus()[0].model.trim()}, ${cpus().length} processors, Node ${capture(node, ["--version"])}. Medians of
${rounds} rounds, with the slowest and fastest in brackets; ours and each rival ran in turns in one process. Numbers of
different runs are not to be compared. All inputs are made from a seed by \`benches/corpus.mjs\`, ${megabytes} MB each.

## Validation in WebAssembly, MB/s

Ours includes everything: bytes into wasm in pieces of 256 KiB, lines, strict JSON with UTF-8 and surrogates, every rule,
duplicate ids. \`JSON.parse\` is given each line decoded, and no rule is checked. serde_json is compiled to wasm, finds its
bytes there already, and checks no rule; ignoring values it checks neither UTF-8 nor surrogates in strings.

${validationTable(results)}

The same rules in Python (\`benches/rules.py\`): ${cell(rules)} MB/s on \`chat\`, ours being ${(ours / rules.median).toFixed(0)} times that.

${table(
  ["input", "what it is"],
  Object.entries(shapes).map(([name, { about }]) => [name, about]),
)}

## Validation on the machine itself, MB/s

With Criterion; in brackets its confidence interval. Ours checks all rules, the others only that each line is JSON.

${nativeRows}

${ranText}`;
  const bars = [
    ["edgebatch, all rules", ours],
    ["serde_json in wasm", results[0].speeds.serde_json_ignored.median],
    ["JSON.parse", results[0].speeds.json_parse.median],
    ["rules in Python", rules.median],
  ];
  say(text);
  if (quick) return;
  mkdirSync(join(root, "docs"), { recursive: true });
  writeFileSync(join(root, "docs/benchmarks.md"), text);
  writeFileSync(join(root, "docs/benchmarks.svg"), chart(bars));
});
