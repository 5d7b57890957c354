/** The validator wherever browsers run scripts: in the page, in workers of both kinds, and without what some lack. */
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
            onResolve({ filter: /^edgebatch\/manual$/ }, () => ({
              path: resolve(root, "dist/entry/manual.js"),
            }));
            onResolve({ filter: /^work$/ }, () => ({ path: "work", namespace: "work" }));
            onLoad({ filter: /.*/, namespace: "work" }, () => ({ contents: work }));
          },
        },
      ],
    });
    scripts.set(`/scripts/${name}`, bundle.outputFiles[0]?.text ?? "");
  }
  const wasm = await readFile(resolve(root, "dist/wasm/edgebatch_bg.wasm"));
  server = createServer((request, response) => {
    const path = request.url ?? "/";
    const script = scripts.get(path);
    if (script !== undefined) response.setHeader("content-type", "text/javascript").end(script);
    // The browser's entry looks beside its folder.
    else if (path.endsWith("edgebatch_bg.wasm"))
      response.setHeader("content-type", "application/wasm").end(wasm);
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

async function inMain(script: string, module: boolean) {
  const page = await browser.newPage();
  await page.goto(url);
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
