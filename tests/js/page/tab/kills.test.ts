/** A batch in a tab, whose tab or browser is killed in the middle: it goes on, and every line is in its output once. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { BrowserContext, Page } from "playwright-core";
import { chatLines, until } from "../../server/suite/batches.ts";
import { type KillableChromium, killableChromium } from "./chromium.ts";
import { countingModel } from "./model.ts";
import { serveScript } from "./site.ts";

const REQUESTS = 300;
/** Lines that a tab may have had in flight, or answered and not yet stored, when it died. */
const UNSAVED = 64 + 10;

const site = await serveScript("batch");
const { url: model, calls } = await countingModel();
const asked = () => [...calls.values()].reduce((sum, count) => sum + count, 0);

let chromium: KillableChromium;
let context: BrowserContext;
beforeEach(async () => {
  calls.clear();
  chromium = await killableChromium();
  context = await chromium.start();
});
afterEach(() => chromium.remove());

type Lock = { wait: boolean } | null;

/** A new tab. What it is to do is an expression over `tab` of its script. */
async function newTab(): Promise<Page> {
  const page = await context.newPage();
  await page.goto(site);
  return page;
}

const open = (page: Page, lock: Lock) => page.evaluate(`tab.open("${model}", ${JSON.stringify(lock)})`);

async function submit(page: Page): Promise<string> {
  return page.evaluate(`tab.submit(${JSON.stringify(chatLines(REQUESTS))})`);
}

/** Waits until a part of a batch has been answered, and not all of it. */
async function inTheMiddle(): Promise<void> {
  await until("a third of the batch was asked for", () => calls.size >= REQUESTS / 3, 120_000);
  assert(calls.size < REQUESTS, "the batch has ended already");
}

async function assertRight(page: Page, id: string, most = REQUESTS + UNSAVED): Promise<void> {
  const { status, ids } = await page.evaluate<{ status: string; ids: string[] }>(`tab.result("${id}")`);
  assert.equal(status, "completed");
  assert.deepEqual(
    ids,
    Array.from({ length: REQUESTS }, (_, i) => `request-${i}`),
  );
  assert(asked() <= most, `${asked()} calls for ${REQUESTS} requests`);
}

test("a browser that is killed goes on with its batch when it is started again", async () => {
  let page = await newTab();
  await open(page, { wait: false });
  const id = await submit(page);
  await inTheMiddle();
  await chromium.kill();
  context = await chromium.start();
  page = await newTab();
  await open(page, { wait: false });
  await assertRight(page, id);
});

test("a tab that waits takes over at once when the one that runs the batch crashes, and never before", async () => {
  const [first, second] = [await newTab(), await newTab()];
  await open(first, { wait: false });
  const id = await submit(first);
  const refused = await open(second, { wait: false }).catch(String);
  assert.match(String(refused), /another service runs the batches of 'batches' \(IndexedDB\) already/);
  let isOwner = false;
  const waiting = open(second, { wait: true }).then(() => {
    isOwner = true;
  });
  await inTheMiddle();
  assert(!isOwner, "two tabs have the lock");
  const crashed = await context.newCDPSession(first);
  const start = performance.now();
  void crashed.send("Page.crash").catch(() => {});
  await waiting;
  await assertRight(second, id);
  // The lease is a minute.
  assert(performance.now() - start < 30_000, `it took ${performance.now() - start} ms`);
});

test("two tabs without the lock run a batch once", async () => {
  const [first, second] = [await newTab(), await newTab()];
  await open(first, null);
  await open(second, null);
  const id = await submit(first);
  await assertRight(second, id, REQUESTS);
});

test("a batch that finds no room waits, and goes on when there is some", async () => {
  const page = await newTab();
  await open(page, { wait: false });
  const id = await submit(page);
  await inTheMiddle();
  const session = await context.newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: site, quotaSize: 1 });
  const told = () => page.evaluate<string>(`tab.faults.join()`);
  await until("the tab says that there is no room", async () => /no more room/.test(await told()));
  assert.match(await told(), new RegExp(`batch ${id} cannot continue for now`));
  await session.send("Storage.overrideQuotaForOrigin", { origin: site });
  await assertRight(page, id);
});

test("what a killed browser was writing is not seen, and swept when the next one writes", async () => {
  let page = await newTab();
  await page.evaluate(`(async () => {
    const writer = await tab.files.create({ filename: "half", purpose: "batch", id: "file-half" });
    await writer.write(new Uint8Array(3_000_000));
  })()`);
  const kept = `tab.bytesKept().then((names) => names.filter((name) => name.startsWith("file-half")).length)`;
  assert.notEqual(await page.evaluate(kept), 0);
  await chromium.kill();
  context = await chromium.start();
  page = await newTab();
  assert.equal(await page.evaluate(`tab.files.retrieve("file-half")`), null);
  await page.evaluate(`tab.files.add(new Blob(["x"]))`);
  assert.equal(await page.evaluate(kept), 0);
});
