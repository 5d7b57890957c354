/** The package as npm would publish it, installed where nothing else is. */
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ModelServer } from "./cli/server.ts";
import { installPacked } from "./packed.ts";
import { programs } from "./server/suite/runtimes.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const binaries = join(root, "node_modules", ".bin");
const run = promisify(execFile);
let folder = "";
let installed = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "edgebatch-packed-"));
  installed = installPacked(folder);
  writeFileSync(join(folder, "package.json"), '{ "type": "module", "private": true }');
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** The first block of code in README.md that holds a text. */
function snippet(holding: string): string {
  const readme = readFileSync(join(installed, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code as string);
  const found = blocks.find((code) => code.includes(holding));
  assert.ok(found, `README.md has no code with ${holding}`);
  return found;
}

/** A program that uses what each way of importing the package has. */
const program = (from: string) => `
import { Batches, MemoryFiles, MemoryKV, echoInference, echoModels, type Batch } from "${from}";
import { kvContract } from "edgebatch/contract";

const files = new MemoryFiles();
const body = { model: "echo-1", messages: [{ role: "user", content: "hello" }] };
const request = { custom_id: "a", method: "POST", url: "/v1/chat/completions", body };
const input = await files.add("in.jsonl", JSON.stringify(request));
const batches = new Batches({ kv: new MemoryKV(), files, inference: echoInference(), models: echoModels });
const created: Batch = await batches.create({
  input_file_id: input.id,
  endpoint: "/v1/chat/completions",
  completion_window: "24h",
});
const done = await batches.wait(created.id);
await batches.stop();
console.log(done.status, done.request_counts.completed, kvContract(async () => ({ kv: new MemoryKV() })).length > 10);
`;

const onNode = `
import { DiskFiles, SqliteKV } from "edgebatch/node";
export const stores = { kv: new SqliteKV(":memory:"), files: new DiskFiles("files") };
`;

const onWorkers = `
import { Batches, DurableObjectKV, R2Files, type R2FilesBucket, type SqlDurableObjectStorage } from "edgebatch/workers";
declare const bucket: R2FilesBucket;
declare const storage: SqlDurableObjectStorage;
export const stores = { kv: new DurableObjectKV(storage), files: new R2Files({ bucket }), Batches };
`;

/** Bundles `main.mjs` of the folder for Node with webpack, in a process of its own; gives what was complained of. */
const bundleWithWebpack = `
import webpack from ${JSON.stringify(import.meta.resolve("webpack"))};
webpack(
  {
    mode: "production", target: "node", context: process.cwd(), entry: "./main.mjs", optimization: { minimize: false },
    output: { path: process.cwd() + "/webpack", filename: "main.cjs" },
  },
  (error, stats) => {
    const { errors = [], warnings = [] } = stats?.toJson({ all: false, errors: true, warnings: true }) ?? {};
    for (const { message } of [...errors, ...warnings]) console.error(message);
    process.exitCode = error || errors.length + warnings.length > 0 ? 1 : 0;
  },
);
`;

suite("the packed package", () => {
  test("runs a batch in Node, with nothing installed beside it", () => {
    for (const from of ["edgebatch", "edgebatch/node", "edgebatch/inline"]) {
      writeFileSync(join(folder, "main.ts"), program(from));
      const printed = execFileSync(process.execPath, ["main.ts"], { cwd: folder, encoding: "utf8" });
      assert.equal(printed, "completed 1 true\n");
    }
  });

  test("does what README.md says, in an empty folder, and prints the answers", async () => {
    const server = new ModelServer();
    const baseUrl = await server.listen();
    server.reply = (text) => ({ status: text === "no" ? 400 : 200 });
    const code = snippet("SqliteKV").replace("http://localhost:8000/v1", baseUrl);
    assert.ok(code.includes(baseUrl));
    const empty = mkdtempSync(join(folder, "readme-"));
    writeFileSync(join(empty, "main.mjs"), code);
    const lines = ["hello", "no", "world"].map((content, i) => {
      const body = { model: "m", messages: [{ role: "user", content }] };
      return JSON.stringify({ custom_id: `r${i}`, method: "POST", url: "/v1/chat/completions", body });
    });
    writeFileSync(join(empty, "requests.jsonl"), lines.join("\n"));
    const { stdout, stderr } = await run(process.execPath, ["--no-warnings", "main.mjs"], { cwd: empty });
    assert.match(stdout, /^completed \{ total: 3, completed: 2, failed: 1 \}\nr0 hello\nr2 world\n$/m);
    assert.equal(JSON.parse(stderr).custom_id, "r1");
  });

  test("has types under every resolution of modules", async () => {
    const types = join(folder, "node_modules", "@types");
    mkdirSync(types, { recursive: true });
    symlinkSync(join(root, "node_modules", "@types", "node"), join(types, "node"));
    writeFileSync(join(folder, "readme.ts"), snippet("SqliteKV"));
    writeFileSync(join(folder, "main.ts"), program("edgebatch"));
    writeFileSync(join(folder, "node.ts"), onNode);
    writeFileSync(join(folder, "workers.ts"), onWorkers);
    writeFileSync(
      join(folder, "manual.ts"),
      'import { load } from "edgebatch/manual";\nawait load("x.wasm", "y.wasm");\n',
    );
    const strict = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--verbatimModuleSyntax"];
    const options = [...strict, "--target", "es2024", "--lib", "es2024,dom", "--types", "node"];
    const files = ["readme.ts", "main.ts", "node.ts", "workers.ts", "manual.ts"];
    const ways = [["nodenext"], ["node16"], ["esnext", "--moduleResolution", "bundler"], ["preserve"]];
    for (const way of ways) {
      const tsc = [join(binaries, "tsc"), ...options, "--module", ...way, ...files];
      await run(process.execPath, tsc, { cwd: folder }).catch(({ stdout }) =>
        assert.fail(`${way}: ${stdout}`),
      );
    }
    // The declarations of the wasm's glue name types of the web: nothing but `edgebatch/manual` may lead there.
    const ofNode = ["--target", "es2024", "--lib", "es2024", "--types", "node", "--module", "nodenext"];
    const tsc = [
      join(binaries, "tsc"),
      ...strict,
      ...ofNode,
      ...files.filter((file) => file !== "manual.ts"),
    ];
    await run(process.execPath, tsc, { cwd: folder }).catch(({ stdout }) => assert.fail(stdout));
  });

  test("is bundled for Node by webpack", async () => {
    writeFileSync(join(folder, "main.mjs"), plain("edgebatch/node"));
    writeFileSync(join(folder, "bundle.mjs"), bundleWithWebpack);
    const bundling = spawnSync(process.execPath, ["bundle.mjs"], { cwd: folder, encoding: "utf8" });
    assert.equal(bundling.status, 0, bundling.stderr);
    const printed = execFileSync(process.execPath, ["webpack/main.cjs"], { cwd: folder, encoding: "utf8" });
    assert.equal(printed, "completed 1 true\n");
  });

  test("is bundled by esbuild: for Node beside the package, and for Workers with nothing of Node in it", () => {
    const esbuild = (...options: string[]) =>
      execFileSync(
        join(binaries, "esbuild"),
        ["--bundle", "--format=esm", "--log-level=warning", ...options],
        {
          cwd: folder,
          encoding: "utf8",
        },
      );
    writeFileSync(join(folder, "main.mjs"), plain("edgebatch/node"));
    esbuild("main.mjs", "--platform=node", "--packages=external", "--outfile=external.mjs");
    const printed = execFileSync(process.execPath, ["external.mjs"], { cwd: folder, encoding: "utf8" });
    assert.equal(printed, "completed 1 true\n");
    writeFileSync(join(folder, "workers.ts"), onWorkers);
    const worker = esbuild("workers.ts", "--loader:.wasm=file", "--outdir=worker", "--metafile=worker.json");
    assert.equal(worker, "");
    const { inputs } = JSON.parse(readFileSync(join(folder, "worker.json"), "utf8")) as { inputs: object };
    const code = readFileSync(join(folder, "worker", "workers.js"), "utf8");
    for (const wasm of ["edgebatch_bg.wasm", "turns_bg.wasm"])
      assert.ok(Object.keys(inputs).some((path) => path.endsWith(wasm)));
    assert.doesNotMatch(code, /node:|getBuiltinModule/);
  });

  test("holds nothing that leads to a file it has not", () => {
    for (const name of ["edgebatch", "turns"])
      assert.doesNotMatch(readFileSync(join(installed, `dist/wasm/${name}.js`), "utf8"), /import\.meta/);
    const papers = [".", "docs", "docs/decisions"].flatMap((folder) =>
      readdirSync(join(installed, folder))
        .filter((name) => name.endsWith(".md"))
        .map((name) => join(folder, name)),
    );
    assert.ok(papers.length > 10);
    for (const name of papers) {
      const text = readFileSync(join(installed, name), "utf8");
      const links = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)].map(
        ([, a, b]) => a ?? b,
      );
      for (const link of links) {
        if (link === undefined || /^(https?:|#)/.test(link)) continue;
        const path = normalize(join(installed, name, "..", link.replace(/#.*/, "")));
        assert.ok(path.startsWith(installed) && existsSync(path), `${name} links to ${link}`);
      }
    }
    const declared = readFileSync(join(installed, "package.json"), "utf8").match(/\.\/dist\/[^"]+/g) ?? [];
    assert.ok(declared.length > 10);
    for (const path of declared) if (!path.includes("*")) assert.ok(existsSync(join(installed, path)), path);
  });

  test("serves under each runtime, as one would start it: its help, a batch by the embedded model, and the page", async () => {
    for (const name of ["commander", "hono", "@hono/node-server", "smol-toml"]) {
      const link = join(folder, "node_modules", name);
      mkdirSync(join(link, ".."), { recursive: true });
      if (!existsSync(link)) symlinkSync(join(root, "node_modules", name), link);
    }
    // As a package manager would have left it.
    const bin = join(folder, "node_modules", ".bin");
    mkdirSync(bin, { recursive: true });
    symlinkSync("../edgebatch/dist/cli/main.js", join(bin, "edgebatch"));
    chmodSync(join(installed, "dist/cli/main.js"), 0o755);
    const dependencies = { edgebatch: JSON.parse(read("package.json")).version };
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", dependencies }));
    const [bun, deno] = [programs.bun[0], programs.deno[0]];
    for (const command of [
      [process.execPath, join(bin, "edgebatch")],
      [bun, "x", "--bun", "--no-install", "edgebatch"],
      [deno, "run", "-A", "--node-modules-dir=manual", "npm:edgebatch"],
    ] as const) {
      await served(command);
    }
  });

  test("tells a Node that is too old for its command which one it needs", () => {
    const old = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "22.12.0" } });
      Object.defineProperty(process, "version", { value: "v22.12.0" });`;
    const preload = `data:text/javascript,${encodeURIComponent(old)}`;
    const command = join(installed, "dist/cli/main.js");
    const { status, stderr } = spawnSync(process.execPath, ["--import", preload, command, "validate"], {
      encoding: "utf8",
    });
    assert.deepEqual([status, stderr], [2, "edgebatch needs Node 22.13 or newer; this is v22.12.0\n"]);
  });
});

const read = (name: string) => readFileSync(join(installed, name), "utf8");

/** Starts it, runs a batch, and stops it. */
async function served([program, ...args]: readonly string[]): Promise<void> {
  const options = { cwd: folder, encoding: "utf8" } as const;
  assert.match(execFileSync(program as string, [...args, "serve", "--help"], options), /--api-keys <pairs>/);
  const data = mkdtempSync(join(folder, "serve-"));
  const config = join(data, "edgebatch.toml");
  writeFileSync(config, "port = 0\n");
  const server = spawn(
    program as string,
    [...args, "serve", "--config", config, "--data", join(data, "state")],
    { cwd: folder, stdio: ["ignore", "pipe", "inherit"] },
  );
  try {
    const url = await new Promise<string>((resolve, reject) => {
      server.stdout.on("data", (text) => resolve(/http:\S+(?=\/v1)/.exec(String(text))?.[0] as string));
      server.once("close", () => reject(new Error("it did not start")));
    });
    assert.match(await (await fetch(url)).text(), /<!doctype html>/);
    const form = new FormData();
    const body = { model: "echo-1", messages: [{ role: "user", content: "hello" }] };
    const line = JSON.stringify({ custom_id: "a", method: "POST", url: "/v1/chat/completions", body });
    form.set("purpose", "batch");
    form.set("file", new File([line], "a.jsonl"));
    const call = async (path: string, init: RequestInit = {}) => (await fetch(url + path, init)).json();
    const { id } = await call("/v1/files", { method: "POST", body: form });
    const params = { input_file_id: id, endpoint: "/v1/chat/completions", completion_window: "24h" };
    let batch = await call("/v1/batches", { method: "POST", body: JSON.stringify(params) });
    while (!batch.completed_at && !batch.failed_at) batch = await call(`/v1/batches/${batch.id}`);
    assert.deepEqual(batch.request_counts, { total: 1, completed: 1, failed: 0 });
    const ended = new Promise((resolve) => server.removeAllListeners("close").once("close", resolve));
    server.kill("SIGTERM");
    assert.equal(await ended, 0);
  } finally {
    server.kill("SIGKILL");
  }
}

/** The program as JavaScript. */
function plain(from: string): string {
  return program(from).replace(", type Batch }", " }").replace("created: Batch", "created");
}
