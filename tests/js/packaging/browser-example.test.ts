/** The example of a batch in a tab, with the packed package, from a plain server of files. */

import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type { BrowserContext, Page } from "playwright-core";
import { killableChromium } from "../page/tab/chromium.ts";
import { countingModel } from "../page/tab/model.ts";
import { chatLines, until } from "../server/suite/batches.ts";
import { prepare, root, serveFolder } from "./projects.ts";

const REQUESTS = 300;

const { folder } = prepare("browser-example");
for (const file of ["index.html", "batch.js"])
  cpSync(join(root, "examples/browser", file), join(folder, file));
const site = await serveFolder(folder);
const { url: model, calls } = await countingModel();
const chromium = await killableChromium();
after(async () => {
  await chromium.remove();
  site.close();
});

async function open(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.goto(site.url);
  return page;
}

test("a batch goes on when the browser is killed and the page opened again, and its output can be saved", async () => {
  const page = await open(await chromium.start());
  const buffer = Buffer.from(chatLines(REQUESTS));
  await page.locator("[name=file]").setInputFiles({ name: "mine.jsonl", mimeType: "text/plain", buffer });
  await page.locator("[name=url]").fill(model);
  await page.getByRole("button", { name: "Run" }).click();
  await until("a third of it was asked for", () => calls.size >= REQUESTS / 3);
  await chromium.kill();
  assert(calls.size < REQUESTS, "the batch has ended already");

  const context = await chromium.start();
  const pages = [await open(context), await open(context)] as const;
  for (const each of pages)
    await each.getByText(`mine.jsonl: completed, ${REQUESTS} of ${REQUESTS} completed, 0 failed`).waitFor();
  assert.equal(await pages[0].getByRole("alert").textContent(), "");
  assert.equal(await pages[0].locator("a[download]").count(), 1);
  const text = await pages[0].evaluate<string>(
    `fetch(document.querySelector("a[download='output.jsonl']").href).then((blob) => blob.text())`,
  );
  const ids = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).custom_id);
  assert.deepEqual(
    ids,
    Array.from({ length: REQUESTS }, (_, i) => `request-${i}`),
  );
  const twice = [...calls.values()].filter((count) => count > 1).length;
  assert(twice < REQUESTS / 3, `${twice} of the lines were asked for again`);
});
