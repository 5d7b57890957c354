/**
 * The validator wherever browsers run scripts: in the page, in workers of both kinds, and without what some lack. And a batch that
 * runs there, by the wasm that is fetched for it alone.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { startBrowser } from "./browser.ts";

const root = resolve(import.meta.dirname, "../../..");

/** Takes away what Firefox and Safari lack or lacked: streams that are made from lists, or walked through. */
const lacking = `
delete ReadableStream.from;
delete ReadableStream.prototype[Symbol.asyncIterator];
delete ReadableStream.prototype.values;
`;
const work = `
const lines = '{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[]}}\\nbroken\\n';
export async function check(Validator) {
  const stream = new Blob([lines]).stream();
  const { requestCount, errors } = await Validator.validate(stream, { endpoint: "/v1/chat/completions" });
  return { requestCount, errors: errors.map(({ code, line }) => code + " " + line) };
}
`;
const batch = `
import * as edgebatch from "edgebatch";
import { run } from "run";
globalThis.answer = run(edgebatch);
`;
const manualBatch = `
import * as edgebatch from "edgebatch/manual";
import { run } from "run";
const turns = location.hash === "#without" ? [] : ["/turns_bg.wasm"];
globalThis.answer = edgebatch.load("/edgebatch_bg.wasm", ...turns).then(() => run(edgebatch));
`;
const inlineBatch = `
import * as edgebatch from "edgebatch/inline";
import { run } from "run";
globalThis.answer = run(edgebatch);
`;
const run = `
const endpoint = "/v1/chat/completions";
const line = '{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"echo-1","messages":[{"role":"user","content":"hello"}]}}';
export async function run({ Batches, MemoryKV, MemoryFiles, echoInference, echoModels }) {
  const files = new MemoryFiles();
  const { id: input_file_id } = await files.add("input.jsonl", new TextEncoder().encode(line));
  const told = [];
  const inference = echoInference();
  const onError = (error) => told.push(error.message);
  const batches = new Batches({ kv: new MemoryKV(), files, inference, models: echoModels, onError });
  const { id } = await batches.create({ input_file_id, endpoint, completion_window: "24h" });
  const done = await batches.wait(id, { signal: AbortSignal.timeout(20_000) }).catch(({ message }) => message);
  await batches.stop();
  const fetched = performance.getEntriesByType("resource").map(({ name }) => name.split("/").pop());
  const wasm = fetched.filter((name) => name.endsWith(".wasm")).sort();
  return { status: done.status ?? done, told, wasm };
}
`;
const manual = `
import { load, Validator } from "edgebatch/manual";
import { check } from "work";
const answer = load("/edgebatch_bg.wasm").then(() => check(Validator));
`;

const entries: Record<string, { source: string; format: "esm" | "iife" }> = {
  "main.js": {
    format: "esm",
    source: `import { Validator } from "edgebatch"; import { check } from "work"; globalThis.answer = check(Validator);`,
  },
  "batch-main.js": { format: "esm", source: batch },
  "inline-batch-main.js": { format: "iife", source: inlineBatch },
  "manual-batch-main.js": { format: "iife", source: manualBatch },
  "manual-main.js": { format: "iife", source: `${manual} globalThis.answer = answer;` },
  "module-worker.js": {
    format: "esm",
    source: `import { Validator } from "edgebatch"; import { check } from "work"; postMessage(await check(Validator));`,
  },
  // It listens at once: what is posted before the core has come is not lost, as it would be behind top-level await.
  "manual-worker.js": {
    format: "iife",
    source: `${manual} onmessage = async ({ data }) => postMessage({ ...(await answer), echo: data });`,
  },
  "lacking-main.js": { format: "iife", source: `${lacking} ${manual} globalThis.answer = answer;` },
  "lacking-worker.js": {
    format: "iife",
    source: `${lacking} ${manual} onmessage = async ({ data }) => postMessage({ ...(await answer), echo: data });`,
  },
};

let browser: Browser;
let server: Server;
let url: string;
const scripts = new Map<string, string>();

before(async () => {
  for (const [name, { source, format }] of Object.entries(entries)) {
    const bundle = await build({
      stdin: { contents: source, resolveDir: root, sourcefile: name },
      ...{ bundle: true, write: false, format, logLevel: "error", target: "firefox115" },
      // A script of this format has no address of its own; here it is told where the wasm is.
      ...(format === "iife" && { define: { "import.meta.url": '""' } }),
      plugins: [
        {
          name: "names",
          setup({ onResolve, onLoad }) {
            onResolve({ filter: /^edgebatch$/ }, () => ({ path: resolve(root, "dist/entry/browser.js") }));
            onResolve({ filter: /^edgebatch\/(manual|inline)$/ }, ({ path }) => ({
              path: resolve(root, `dist/entry/${path.slice("edgebatch/".length)}.js`),
            }));
            onResolve({ filter: /^(work|run)$/ }, ({ path }) => ({ path, namespace: "work" }));
            onLoad({ filter: /.*/, namespace: "work" }, ({ path }) => ({
              contents: path === "run" ? run : work,
            }));
          },
        },
      ],
    });
    scripts.set(`/scripts/${name}`, bundle.outputFiles[0]?.text ?? "");
  }
  const wasm = new Map<string, Buffer>();
  for (const name of ["edgebatch_bg.wasm", "turns_bg.wasm"])
    wasm.set(name, await readFile(resolve(root, "dist/wasm", name)));
  server = createServer((request, response) => {
    const path = request.url ?? "/";
    const script = scripts.get(path);
    if (script !== undefined) response.setHeader("content-type", "text/javascript").end(script);
    // The browser's entry looks beside its folder.
    else if (path.endsWith(".wasm"))
      response.setHeader("content-type", "application/wasm").end(wasm.get(path.split("/").at(-1) as string));
    else response.setHeader("content-type", "text/html").end("<!doctype html><title>t</title>");
  });
  await new Promise<void>((next) => server.listen(0, "127.0.0.1", next));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await new Promise((next) => server.close(next));
});

const found = { requestCount: 2, errors: ["invalid_json_line 2"] };

async function inMain(script: string, module: boolean, hash = "") {
  const page = await browser.newPage();
  await page.goto(url + hash);
  await page.addScriptTag({ url: `/scripts/${script}`, ...(module && { type: "module" }) });
  const handle = await page.waitForFunction(() => (globalThis as { answer?: Promise<unknown> }).answer);
  return handle.evaluate((answer) => answer);
}

async function inWorker(script: string, module: boolean) {
  const page = await browser.newPage();
  await page.goto(url);
  return page.evaluate(
    ([address, type]) =>
      new Promise((next, fail) => {
        const worker = new Worker(address as string, { type: type as WorkerType });
        worker.onmessage = ({ data }) => next(data);
        worker.onerror = (event) => fail(new Error(event.message));
        worker.postMessage("at once");
      }),
    [`/scripts/${script}`, module ? "module" : "classic"],
  );
}

test("the validator runs in the main thread, loaded by the package's entry", async () => {
  assert.deepEqual(await inMain("main.js", true), found);
});
test("the validator runs in the main thread as a plain script", async () => {
  assert.deepEqual(await inMain("manual-main.js", false), found);
});
test("the validator runs in a module worker, loaded by the package's entry", async () => {
  assert.deepEqual(await inWorker("module-worker.js", true), found);
});
test("the validator runs in a module worker without top-level await, and hears what was posted at once", async () => {
  assert.deepEqual(await inWorker("manual-worker.js", true), { ...found, echo: "at once" });
});
test("the validator runs in a classic worker, and hears what was posted at once", async () => {
  assert.deepEqual(await inWorker("manual-worker.js", false), { ...found, echo: "at once" });
});
test("the validator runs without ReadableStream.from and without walking through streams", async () => {
  assert.deepEqual(await inMain("lacking-main.js", false), found);
  assert.deepEqual(await inWorker("lacking-worker.js", false), { ...found, echo: "at once" });
});
const both = ["edgebatch_bg.wasm", "turns_bg.wasm"];
test("a batch runs in the main thread, by what is fetched when the first is to run", async () => {
  assert.deepEqual(await inMain("batch-main.js", true), { status: "completed", told: [], wasm: both });
});
test("a batch runs in a plain script that has all of it inside, and fetches nothing", async () => {
  const ran = await inMain("inline-batch-main.js", false);
  assert.deepEqual(ran, { status: "completed", told: [], wasm: [] });
});
test("a batch runs in a plain script, once it is given both wasms; with one alone it says what is missing", async () => {
  const ran = await inMain("manual-batch-main.js", false);
  assert.deepEqual(ran, { status: "completed", told: [], wasm: both });
  const message =
    "edgebatch: what runs batches is not loaded: `load` takes turns_bg.wasm as its second argument";
  const without = await inMain("manual-batch-main.js", false, "#without");
  assert.deepEqual(without, { status: message, told: [message], wasm: ["edgebatch_bg.wasm"] });
});
