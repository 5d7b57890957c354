/** Guards the page where a server serves it: it is connected by itself, or asks for the key alone. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import type { Batch } from "../../../js/core/types.ts";
import { startServer } from "../server/suite/server.ts";
import { chatLines, createBatch, ended, type Started, startWorker } from "../worker/server.ts";
import { checked, choose, line, openPage, startBrowser } from "./browser.ts";

const KEY = "sk-own-server";
const keys = { API_KEYS: `alice:${createHash("sha256").update(KEY).digest("hex")}` };

let browser: Browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

for (const [server, start] of [
  ["edgebatch serve", startServer],
  ["a Worker", startWorker],
] as const) {
  describe(`the page of ${server}`, () => {
    let [open, closed]: (Started | undefined)[] = [];
    before(async () => {
      [open, closed] = await Promise.all([start(), start(keys, KEY)]);
    });
    after(() => Promise.all([open?.stop(), closed?.stop()]));

    test("shows its batches at once where no key is needed, until someone disconnects", async () => {
      const { url, client } = open as Started;
      const { id } = await ended(client, (await createBatch(client, chatLines(2))).id);
      const { page, complaints } = await openPage(browser, `${url}/#/batches`);
      await page.getByRole("link", { name: id }).waitFor();
      assert.equal(await page.getByLabel("Server address").count(), 0);
      assert.deepEqual(complaints, []);
      await button(page, "Disconnect").click();
      for (let loads = 0; loads < 2; loads++) {
        assert.equal(await page.getByLabel("Server address").inputValue(), url);
        assert.equal(await button(page, "Disconnect").count(), 0);
        await page.reload({ waitUntil: "networkidle" });
      }
    });

    test("runs a checked file at once, and calls nobody before that", async () => {
      const { url } = open as Started;
      const { page } = await openPage(browser, `${url}/`);
      const called: string[] = [];
      page.on("request", (request) => called.push(request.url()));
      await choose(page, line("a"));
      await checked(page);
      assert.deepEqual(
        called.filter((each) => each.includes("/v1/")),
        [],
      );
      await button(page, "Upload and create a batch").click();
      await page.locator(".state.completed").waitFor({ timeout: 60_000 });
      assert.ok(called.every((each) => new URL(each).origin === url || each.startsWith("blob:")));
    });

    test("caps what a batch may use, and shows what is used of it", async () => {
      const { url, client } = open as Started;
      const { page } = await openPage(browser, `${url}/`);
      await choose(page, line("a"));
      await checked(page);
      await page.getByLabel("Stop after").fill("5000");
      await button(page, "Upload and create a batch").click();
      await page.getByText(/^[\d,]+ used of 5,000$/).waitFor();
      const [batch] = (await client.batches.list({ limit: 1 })).data;
      assert.equal((batch as unknown as Batch).edgebatch?.budget?.total_tokens, 5000);
    });

    test("asks for the key where one is needed, with the address filled in", async () => {
      const { url } = closed as Started;
      const { page, complaints } = await openPage(browser, `${url}/#/batches`);
      assert.equal(await page.getByLabel("Server address").inputValue(), url);
      // The one that shows that a key is needed.
      assert.deepEqual(
        complaints.map((each) => /status of (\d+)/.exec(each)?.[1]),
        ["401"],
      );
      await page.getByLabel("Key").fill(KEY);
      await button(page, "Connect").click();
      await page.getByText("No batches yet.").waitFor();
    });
  });
}
