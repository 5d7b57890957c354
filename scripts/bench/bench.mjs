// `npm run bench`: validation and the run beside their rivals, each in the same run as ours, medians of several rounds
// with the slowest and fastest. Writes docs/benchmarks.md and docs/benchmarks.svg. `--serve` measures `edgebatch serve` alone,
// and writes its part anew. `--quick` is for trying the script out and writes nothing.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { corpus, shapes } from "../../benches/corpus.mjs";
import { build } from "../build.mjs";
import { env, node, root, target, wasmEnv } from "../lib/env.mjs";
import { capture, Failure, main, run, say } from "../lib/process.mjs";
import { runSection } from "./run.mjs";
import { serveSection, serveTitle } from "./serve.mjs";

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
  return { values, median: sorted[sorted.length >> 1], low: sorted[0], high: sorted[sorted.length - 1] };
}

/** How many times as fast, round by round: a machine's pace changes, but not much within a round. */
const times = (ours, rival) => summary(ours.values.map((value, index) => value / rival.values[index]));

const round = (value) => Math.round(value).toLocaleString("en-US");
const spread =
  (write) =>
  ({ median, low, high }) =>
    `${write(median)} (${write(low)}–${write(high)})`;
const cell = spread(round);
const tenths = spread((value) => value.toFixed(1));
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
    const rest = [json_parse, serde_json_ignored, serde_json_values].map(cell);
    return [shape, round(lineBytes), `**${cell(ours)}**`, ...rest, tenths(times(ours, json_parse))];
  });
  const head = [
    "input",
    "bytes a line",
    "edgebatch",
    "JSON.parse",
    "serde_json, ignoring",
    "serde_json, building",
  ];
  return table([...head, "times JSON.parse"], rows);
}

/** The speeds of each input by name, ours first. */
function nativeSpeeds(folder) {
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
    return [shape, ...names.map((name) => [name, speed(name)])];
  });
  return rows;
}

/** Which inputs a rival takes faster than we do, told in words: `speeds` by name for each input, ours first. */
function slower(inputs) {
  const found = inputs.flatMap(([shape, [, ours], ...rivals]) =>
    rivals
      .filter(([, rival]) => rival.median > ours.median)
      .map(([name, rival]) => `\`${shape}\` than ${name} (${(ours.median / rival.median).toFixed(2)} ×)`),
  );
  return found.length === 0 ? "Slower than no rival." : `Slower than a rival: ${found.join("; ")}.`;
}

/** Bars of the chat corpus, for README: readable on white and on black. */
function chart(bars) {
  const most = Math.max(...bars.map(([, value]) => value));
  const rows = bars.map(([name, value], i) => {
    const y = 40 + i * 30;
    const width = Math.max(2, Math.round((value / most) * 330));
    return `  <text x="222" y="${y + 15}" text-anchor="end">${name}</text>
  <rect x="230" y="${y}" width="${width}" height="20" rx="3" fill="${i === 0 ? "#2f6feb" : "#9aa4b2"}"/>
  <text x="${236 + width}" y="${y + 15}">${round(value)}</text>`;
  });
  const title = "Validating chat requests of about 3 KB: MB/s, more is better";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 ${48 + bars.length * 30}" width="640" font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="${title}">
  <title>${title}</title>
  <style>text { fill: #57606a } @media (prefers-color-scheme: dark) { text { fill: #9aa4b2 } }</style>
  <text x="10" y="22" font-weight="600">${title}</text>
${rows.join("\n")}
</svg>
`;
}

const tools = { quick, rounds, json, summary, cell, tenths, table, round };

/** The page as it is, with the part about the server measured anew. */
function onlyServe() {
  const page = join(root, "docs/benchmarks.md");
  const text = serveSection(tools);
  say(text);
  const [before] = readFileSync(page, "utf8").split(`\n${serveTitle}\n`);
  if (!quick) writeFileSync(page, `${before.trimEnd()}\n\n${text}`);
}

main(() => {
  build();
  if (process.argv.includes("--serve")) return onlyServe();
  const folder = join(root, "target/bench");
  mkdirSync(folder, { recursive: true });
  for (const shape of native) {
    writeFileSync(join(folder, `${shape}.jsonl`), corpus(shape, Math.min(megabytes, 50) * 1e6).bytes);
  }
  const built = join(root, "target/rivals");
  run("cargo", ["build", "--release", "--quiet", "--lib", "--target", target, "--target-dir", built], {
    cwd: join(root, "benches/rivals"),
    // The same instructions for both: SIMD, which serde_json itself does not use.
    env: { ...wasmEnv(), RUSTFLAGS: "-C target-feature=+simd128" },
  });
  const rivalWasm = join(built, target, "release/edgebatch_rivals.wasm");
  const results = validation(rivalWasm);

  say("bench: the rules in Python …");
  const chat = join(folder, "chat.jsonl");
  const size = readFileSync(chat).length;
  // In turns with ours, one round of each at a time; as everywhere, one more goes before and does not count.
  const turns = Array.from({ length: rounds }, () => {
    const python = json("python3", ["benches/rules.py", chat, 2]).slice(2);
    if (python.some(({ errors }) => errors > 0)) throw new Failure("bench: Python found errors");
    const [{ speeds }] = json(node, ["benches/validate.mjs", "chat", size, 1, rivalWasm]);
    const speed = (shape) => size / 1e6 / python.find((one) => one.shape === shape).seconds;
    return { ours: speeds.edgebatch[0], server: speed("server"), stream: speed("stream") };
  });
  const rules = (shape) => summary(turns.map((turn) => turn[shape]));
  const [beside, server, stream] = [rules("ours"), rules("server"), rules("stream")];

  const ranText = runSection({ ...tools, folder });
  const served = serveSection(tools);
  const natives = process.argv.includes("--no-native") ? [] : nativeSpeeds(folder);
  const nativeTable = () =>
    table(
      ["input", ...natives[0].slice(1).map(([name]) => name)],
      natives.map(([shape, ...speeds]) => [shape, ...speeds.map(([, speed]) => cell(speed))]),
    );

  const ours = results[0].speeds.edgebatch.median;
  const rivals = [
    ["JSON.parse", "json_parse"],
    ["serde_json ignoring values", "serde_json_ignored"],
    ["serde_json building them", "serde_json_values"],
  ];
  const inputs = results.map(({ shape, speeds }) => [
    shape,
    ["edgebatch", speeds.edgebatch],
    ...rivals.map(([name, key]) => [name, speeds[key]]),
  ]);
  const text = `# Benchmarks

\`npm run bench\` wrote this page on ${cpus()[0].model.trim()}, ${cpus().length} processors, Node ${capture(node, ["--version"])}. Medians of
${rounds} rounds, with the slowest and fastest in brackets; ours and each rival ran in turns in one process. Numbers of
different runs are not to be compared; how many times \`JSON.parse\` and Python ours is, is taken round by round. All inputs
are made from a seed by \`benches/corpus.mjs\`, ${megabytes} MB each.

## Validation in WebAssembly, MB/s

Ours includes everything: bytes into wasm in pieces of 256 KiB, lines, strict JSON with UTF-8 and surrogates, every rule,
duplicate ids. \`JSON.parse\` is given each line decoded, and no rule is checked. serde_json is compiled to wasm, finds its
bytes there already, and checks no rule; ignoring values it checks neither UTF-8 nor surrogates in strings.

${validationTable(results)}

${slower(inputs)}

The same rules in Python (\`benches/rules.py\`) on \`chat\`, as a server runs them (the file decoded, the model awaited, the
requests kept): ${cell(server)} MB/s. Line by line from the file, with nothing awaited or kept: ${cell(stream)} MB/s. Ours in
turns with them: ${cell(beside)} MB/s, ${round(times(beside, server).median)} times the one and ${round(times(beside, stream).median)} times the other.

${table(
  ["input", "what it is"],
  Object.entries(shapes).map(([name, { about }]) => [name, about]),
)}

## Validation on the machine itself, MB/s

With Criterion; in brackets its confidence interval. Ours checks all rules, the others only that each line is JSON.

${natives.length === 0 ? "Not measured." : `${nativeTable()}\n\n${slower(natives)}`}

${ranText}
${served}`;
  const bars = [
    ["edgebatch, all rules", ours],
    ["serde_json in wasm", results[0].speeds.serde_json_ignored.median],
    ["JSON.parse", results[0].speeds.json_parse.median],
    ["rules in Python, line by line", stream.median],
    ["rules in Python, as a server", server.median],
  ];
  say(text);
  if (quick) return;
  mkdirSync(join(root, "docs"), { recursive: true });
  writeFileSync(join(root, "docs/benchmarks.md"), text);
  writeFileSync(join(root, "docs/benchmarks.svg"), chart(bars));
});
