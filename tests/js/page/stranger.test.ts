/** Guards a server without keys against pages of other origins, in the browser that would send what they ask for. */

import { strict as assert } from "node:assert";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { type Started, startWorker } from "../worker/server.ts";
import { openPage, startBrowser } from "./browser.ts";

let browser: Browser;
/** A page without a policy of its own: what it may not do is for the server to say. */
const other = createServer((_, response) => {
  response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
});
let otherPort: number;
let worker: Started;
before(async () => {
  [browser, worker] = await Promise.all([startBrowser(), startWorker()]);
  await new Promise<void>((next) => other.listen(0, "127.0.0.1", next));
  otherPort = (other.address() as { port: number }).port;
});
after(async () => {
  await Promise.all([browser?.close(), worker?.stop()]);
  other.close();
});

/** What a page gets for each call that needs no consent of the server's, and for those that do. */
async function tried(origin: string, fileId: string) {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${origin}/`);
  return page.evaluate(
    async ([url, id]) => {
      const get = async (path: string, init?: RequestInit) => {
        try {
          const response = await fetch(url + path, init);
          return `${response.type} ${response.status}`;
        } catch {
          return "refused";
        }
      };
      const form = new FormData();
      form.set("purpose", "evals");
      form.set("file", new File(["of a stranger"], "stranger"));
      return [
        await get("/v1/files"),
        await get(`/v1/files/${id}/content`),
        await get(`/v1/files/${id}`, { method: "DELETE" }),
        await get("/v1/batches", {
          method: "POST",
          body: "{}",
          headers: { "content-type": "application/json" },
        }),
        await get("/v1/files", { method: "POST", body: form }),
        await get("/v1/files", { method: "POST", body: form, mode: "no-cors" }),
        await get("/cdn-cgi/local/explorer/api/r2/buckets"),
      ];
    },
    [worker.url, fileId] as const,
  );
}

test("a page of another origin reads nothing, changes nothing and adds nothing", async () => {
  const { id } = await worker.client.files.create({ purpose: "evals", file: new File(["kept"], "kept") });
  // Another port of the same name, and another name of the same machine.
  for (const origin of [`http://127.0.0.1:${otherPort}`, `http://localhost:${otherPort}`]) {
    const got = await tried(origin, id);
    assert.deepEqual(got, [...Array(5).fill("refused"), "opaque 0", "refused"], origin);
  }
  assert.equal(await (await worker.client.files.content(id)).text(), "kept");
  assert.equal((await worker.client.files.list()).data.length, 1);
});

test("the page that the server serves itself works without a key", async () => {
  const { id } = await worker.client.files.create({ purpose: "evals", file: new File(["kept"], "kept") });
  const got = await tried(worker.url, id);
  assert.deepEqual(got.slice(0, 3), ["basic 200", "basic 200", "basic 200"]);
  assert.equal(got[4], "basic 200");
  const { page, complaints } = await openPage(browser, `${worker.url}/#/batches`);
  await page.getByRole("button", { name: "Disconnect" }).waitFor();
  assert.deepEqual(complaints, []);
});
