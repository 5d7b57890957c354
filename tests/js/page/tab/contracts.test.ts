/** The stores of a browser keep the contracts: in a page and a worker of Chromium, and in a page of Firefox. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { filesContract, kvContract } from "../../../../js/contract/index.ts";
import { firefoxPath } from "../../../../scripts/setup/browsers.mjs";
import { startBrowser } from "../browser.ts";
import { type Firefox, startFirefox } from "../firefox.ts";
import type { Suite } from "./scripts/contracts.ts";
import { serveScript } from "./site.ts";

const never = () => Promise.reject(new Error("these run in the page"));
const suites: [Suite, label: string, names: string[]][] = [
  ["kv", "IndexedDbKV", kvContract(never).map(({ name }) => name)],
  ["files", "OpfsFiles", filesContract(never).map(({ name }) => name)],
];

/** `where` is a function of the page's script. */
function keeps(where: "run" | "runInWorker", evaluate: (expression: string) => Promise<unknown>): void {
  for (const [suite, label, names] of suites)
    describe(`${label} keeps the contract in a ${where === "run" ? "page" : "worker"}`, () => {
      for (const name of names)
        test(name, async () =>
          assert.equal(
            await evaluate(`contracts.${where}(${JSON.stringify(suite)}, ${JSON.stringify(name)})`),
            "",
          ),
        );
    });
}

const site = await serveScript("contracts");

describe("Chromium", () => {
  let browser: Browser;
  let page: Page;
  before(async () => {
    browser = await startBrowser();
    page = await browser.newPage();
    await page.goto(site);
  });
  after(() => browser?.close());

  keeps("run", (expression) => page.evaluate(expression));
  keeps("runInWorker", (expression) => page.evaluate(expression));
});

describe("Firefox", () => {
  let firefox: Firefox;
  before(async () => {
    const path = firefoxPath();
    assert(
      path !== null,
      "there is no Firefox: `node scripts/setup.mjs` installs one, or set FIREFOX to its path",
    );
    firefox = await startFirefox(path);
    await firefox.open(site);
  });
  after(() => firefox?.stop());

  keeps("run", (expression) => firefox.evaluate(expression));
});
