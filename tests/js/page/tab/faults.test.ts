/** What the stores of a browser say where it has no room, keeps nothing, or takes away what it kept. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { startBrowser } from "../browser.ts";
import { serveScript } from "./site.ts";

const site = await serveScript("batch");
let browser: Browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

/** A tab of a browser that keeps nothing yet. */
async function newTab(): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(site);
  return page;
}

/** What an expression rejects with, as `name: message`. */
const fault = (page: Page, expression: string) =>
  page.evaluate<string>(`${expression}.then(() => "nothing", ({ name, message }) => name + ": " + message)`);

test("a store that finds no room says so by the browser's own name, and goes on when there is some", async () => {
  const page = await newTab();
  const session = await page.context().newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: site, quotaSize: 1_000_000 });
  const set = `tab.kv.set("k", new Uint8Array(5_000_000))`;
  const full = /^QuotaExceededError: The store batches: the browser has no more room for this site/;
  assert.match(await fault(page, set), full);
  assert.equal(await page.evaluate(`tab.kv.get("k")`), null);
  const add = `tab.files.add(new Blob([new Uint8Array(5_000_000)]), { id: "file-a" })`;
  assert.match(await fault(page, add), /^QuotaExceededError: Private files: the browser has no more room/);
  assert.equal(await page.evaluate(`tab.files.retrieve("file-a")`), null);
  assert.deepEqual(await page.evaluate(`tab.bytesKept()`), []);
  await session.send("Storage.overrideQuotaForOrigin", { origin: site });
  assert.equal(await fault(page, set), "nothing");
  assert.equal(await fault(page, add), "nothing");
  assert.equal(await page.evaluate(`tab.kv.get("k").then((value) => value.length)`), 5_000_000);
});

test("a tab lets go of a database that another one deletes, and finds it empty", async () => {
  const page = await newTab();
  const other = await page.context().newPage();
  await other.goto(site);
  await page.evaluate(`tab.kv.set("k", new Uint8Array(1))`);
  const deleted = await other.evaluate(`new Promise((done) => {
    const request = indexedDB.deleteDatabase("batches");
    request.onsuccess = () => done("deleted");
    request.onblocked = () => done("blocked");
  })`);
  assert.equal(deleted, "deleted");
  assert.equal(await page.evaluate(`tab.kv.get("k")`), null);
});

test("a database that a newer version has written is refused", async () => {
  const page = await newTab();
  await page.evaluate(`new Promise((done) => {
    indexedDB.open("batches", 2).onsuccess = () => done();
  })`);
  assert.match(
    await fault(page, `tab.kv.get("k")`),
    /^VersionError: .* a newer version of edgebatch has written it/,
  );
});

test("data that the user clears under a running tab are gone, and files can be written again", async () => {
  const page = await newTab();
  await page.evaluate(`tab.kv.set("k", new Uint8Array(1))`);
  await page.evaluate(`tab.files.add(new Blob(["abc"]), { id: "file-a" })`);
  const session = await page.context().newCDPSession(page);
  await session.send("Storage.clearDataForOrigin", { origin: site, storageTypes: "all" });
  assert.equal(await page.evaluate(`tab.kv.get("k")`), null);
  assert.equal(await page.evaluate(`tab.files.retrieve("file-a")`), null);
  await page.evaluate(`tab.files.add(new Blob(["abcd"]), { id: "file-a" })`);
  assert.equal(await page.evaluate(`tab.files.read("file-a", 1, 9).then((bytes) => bytes.length)`), 3);
});

test("waiting for the lock ends by its signal, and closing the store lets go of it", async () => {
  const page = await newTab();
  const other = await page.context().newPage();
  await other.goto(site);
  await page.evaluate(`tab.kv.lock().then(() => undefined)`);
  const waiting = `tab.kv.lock({ wait: true, signal: AbortSignal.abort(new Error("not any longer")) })`;
  assert.equal(await fault(other, waiting), "Error: not any longer");
  assert.match(await fault(other, `tab.kv.lock({ waits: true })`), /Did you mean 'wait'\?/);
  const granted = fault(other, `tab.kv.lock({ wait: true })`);
  await page.evaluate(`tab.kv.close()`);
  assert.equal(await granted, "nothing");
  assert.match(await fault(page, `tab.kv.get("k")`), /^Error: The store batches is closed/);
});

test("a sandboxed frame, which may keep nothing, is told so", async () => {
  const page = await newTab();
  const said = await page.evaluate<string[]>(`new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    const call = (expression) => expression + '.then(() => "nothing", ({ name, message }) => name + ": " + message)';
    frame.srcdoc = '<script src="${site}/script.js"></script><script>Promise.all([' +
      call('tab.kv.get("k")') + "," + call('tab.files.add(new Blob(["x"]))') + "," + call("tab.kv.lock()") +
      ']).then((said) => parent.postMessage(said, "*"))</script>';
    globalThis.onmessage = ({ data }) => done(data);
    document.body.append(frame);
  })`);
  const patterns = [
    /^SecurityError: The store batches: this page may keep nothing: its frame is sandboxed/,
    /^SecurityError: Private files: this page may keep none/,
    /^SecurityError: .*Lock/,
  ];
  assert.equal(said.length, patterns.length);
  for (const [i, pattern] of patterns.entries()) assert.match(said[i] ?? "", pattern);
});
