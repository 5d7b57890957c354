// `npm test`: sets up, builds and runs every test: the core natively (cargo), the wasm build in Node (wasm-pack), the
// TypeScript (node), the page in Chromium (page), the packed package in bundlers and frameworks (packaging), the Worker in
// workerd (worker), the WebAssembly components in wasmtime and, by jco, in Node (component), and the suite that every server
// passes (server-worker, server-node, server-bun, server-deno).
// `npm test cargo` runs one part. A part whose runner died, or whose browser or runtime cannot be had, counts as one
// failure and nothing passed.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { buildComponents } from "./build/component.mjs";
import { build } from "./build.mjs";
import { env, node, root, targetDir, wasmEnv } from "./lib/env.mjs";
import { filesUnder } from "./lib/files.mjs";
import { Failure, main, say, seconds, tee } from "./lib/process.mjs";
import { chromium, firefox } from "./setup/browsers.mjs";
import { packagingTools } from "./setup/packaging.mjs";
import { runtime } from "./setup/runtimes.mjs";

/** The sums of Rust's test harness. Every harness that started must also have reported, on all of its tests. */
function cargoCounts(output) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let started = 0;
  let announced = 0;
  let reported = 0;
  for (const line of output.split("\n")) {
    const start = /^running (\d+) tests?$/.exec(line);
    if (start) {
      started += 1;
      announced += Number(start[1]);
    }
    const end = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored; (\d+) measured/.exec(line);
    const wasmEnd = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored; (\d+) filtered/.exec(
      line,
    );
    const result = end ?? wasmEnd;
    if (result) {
      reported += 1;
      counts.passed += Number(result[1]);
      counts.failed += Number(result[2]);
      counts.skipped += Number(result[3]);
    }
  }
  const seen = counts.passed + counts.failed + counts.skipped;
  return { ...counts, complete: started === reported && seen >= announced && reported > 0 };
}

function nodeCounts(tap) {
  const number = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(tap)?.[1] ?? Number.NaN);
  return {
    passed: number("pass"),
    failed: number("fail") + number("cancelled"),
    skipped: number("skipped") + number("todo"),
    complete: !Number.isNaN(number("pass") + number("fail") + number("cancelled")),
  };
}

const packagingTests = "tests/js/packaging/";
const workerTests = "tests/js/worker/";
const pageTests = "tests/js/page/";
const componentTests = "tests/js/component/";
/** What every server promises: each file starts the one that EDGEBATCH_RUNTIME names. */
const serverSuite = "tests/js/server/suite/";
/** Of these, what the part `node` has already and the Worker has not. */
const adapterTests = "tests/js/server/suite/adapters.test.ts";
/** What `edgebatch` promises besides, under each runtime. */
const commandTests = /^tests\/js\/(cli\/(run|state|terminal|trouble)|node\/(backup|keys|serve))\.test\.ts$/;

/** What Node has compiled, types taken out, is kept here: tests start `edgebatch` from its sources a thousand times. */
const compiled = { NODE_COMPILE_CACHE: join(root, "target/compiled") };

async function nodeTests(chosen, { added = {}, flags = [] } = {}) {
  const tests = filesUnder(["tests/js"]).filter((file) => file.endsWith(".test.ts") && chosen(file));
  if (tests.length === 0) return null;
  const tap = join(root, "target/node-tests.tap");
  mkdirSync(join(root, "target"), { recursive: true });
  rmSync(tap, { force: true });
  const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
  reporters.push("--test-reporter=tap", `--test-reporter-destination=${tap}`);
  const { status } = await tee(node, ["--test", ...flags, ...reporters, ...tests], {
    env: { ...env, ...compiled, ...added },
  });
  return { status, ...nodeCounts(existsSync(tap) ? readFileSync(tap, "utf8") : "") };
}

/** Most of what these tests do is wait for processes, browsers and model servers. */
const TWO_AT_A_TIME = ["--test-concurrency=2"];
/** What the suite of all servers waits for most are times that rules say. */
const THREE_AT_A_TIME = ["--test-concurrency=3"];

/** The suite of all servers, over one of them. */
function serverTests(name) {
  const isOther = name === "bun" || name === "deno";
  const chosen = (file) =>
    isOther
      ? file.startsWith(serverSuite) || commandTests.test(file)
      : file.startsWith(serverSuite) && file !== adapterTests;
  const options = { added: { EDGEBATCH_RUNTIME: name }, flags: THREE_AT_A_TIME };
  return unlessMissing(
    () => isOther && runtime(name),
    () => nodeTests(chosen, options),
  );
}

/** Runs tests if what they need can be had, and counts a failure if not. */
function unlessMissing(find, tests) {
  try {
    find();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    say(error.message);
    return { status: 1, passed: 0, failed: 1, skipped: 0, complete: true };
  }
  return tests();
}

const parts = {
  /** The core, natively. */
  async cargo() {
    const { status, output } = await tee("cargo", ["test", "--no-fail-fast"]);
    return { status, ...cargoCounts(output) };
  },

  /** The wasm build, in Node: tests/wasm*.rs and tests/*_wasm.rs. */
  async wasm() {
    const tests = filesUnder(["tests"]).filter((file) => /^tests\/(wasm[^/]*|[^/]+_wasm)\.rs$/.test(file));
    if (tests.length === 0) return null;
    const names = tests.flatMap((file) => ["--test", basename(file, ".rs")]);
    const args = ["test", "--node", "--mode", "no-install", "--", ...names];
    const { status, output } = await tee("wasm-pack", args, { env: wasmEnv() });
    return { status, ...cargoCounts(output) };
  },

  /** The TypeScript sources, run as they stand: tests/js/**.test.ts. */
  node: () =>
    nodeTests(
      (file) =>
        ![workerTests, pageTests, packagingTests, componentTests, serverSuite].some((folder) =>
          file.startsWith(folder),
        ),
      {
        flags: TWO_AT_A_TIME,
      },
    ),

  /** The page in real Chromium, with the real wasm and the real Worker; and the most of it in Firefox, where that can be had. */
  page: () =>
    unlessMissing(chromium, () => {
      unlessMissing(firefox, () => {});
      return nodeTests((file) => file.startsWith(pageTests), { flags: TWO_AT_A_TIME });
    }),

  /** The packed package on every runtime, in every bundler and framework, by the projects of tests/packaging. */
  packaging: () =>
    unlessMissing(
      () => {
        chromium();
        packagingTools();
        runtime("bun");
        runtime("deno");
      },
      () => nodeTests((file) => file.startsWith(packagingTests), { flags: TWO_AT_A_TIME }),
    ),

  /** What the Worker alone promises, in real workerd, killed and evicted: takes minutes. */
  worker: () => nodeTests((file) => file.startsWith(workerTests), { flags: TWO_AT_A_TIME }),

  /** The components: in a host of their own over wasmtime, whose first build takes minutes, and the validator in Node. */
  async component(versions) {
    await buildComponents(versions);
    const cwd = join(root, "component/host");
    const own = { ...env, CARGO_TARGET_DIR: join(targetDir, "component-host") };
    const { status, output } = await tee("cargo", ["test", "--locked"], { cwd, env: own });
    const native = { status, ...cargoCounts(output) };
    const inNode = await nodeTests((file) => file.startsWith(componentTests));
    const sum = (name) => native[name] + inNode[name];
    return {
      status: native.status || inNode.status,
      ...{ passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") },
      complete: native.complete && inNode.complete,
    };
  },

  /** Both official clients, curl and others', kills, walls and hostile input, over each server. */
  "server-worker": () => serverTests("worker"),
  "server-node": () => serverTests("node"),
  "server-bun": () => serverTests("bun"),
  "server-deno": () => serverTests("deno"),
};

main(async () => {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !(name in parts));
  if (unknown.length > 0)
    throw new Failure(`no such part: ${unknown.join(", ")}; there are ${Object.keys(parts).join(", ")}`);
  const chosen = asked.length > 0 ? asked : Object.keys(parts);
  const python = chosen.some((name) => name === "node" || name.startsWith("server-"));
  const versions = build({ tests: true, python });
  const total = { passed: 0, failed: 0, skipped: 0 };
  const lines = [];
  for (const name of chosen) {
    say(`test: ${name} …`);
    const start = performance.now();
    let counts = await parts[name](versions);
    if (counts === null) {
      lines.push(`${name}: no tests`);
      continue;
    }
    if (!counts.complete || (counts.status !== 0 && counts.failed === 0)) {
      lines.push(
        `The runner of the ${name} tests died (exit status ${counts.status}): none of its tests is counted.`,
      );
      counts = { passed: 0, failed: 1, skipped: 0 };
    }
    for (const key of Object.keys(total)) total[key] += counts[key];
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
    lines.push(`${name}: ${counts.passed} passed, ${counts.failed} failed${skipped} in ${seconds(start)}`);
  }
  say(`\n${lines.join("\n")}`);
  say(
    `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`,
  );
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
});
