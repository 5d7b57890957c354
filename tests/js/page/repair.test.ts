/** What is wrong in one way only is mended into a new file, which is checked at once. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import type { Page } from "playwright-core";
import { checked, choose, line, setStage, textOf, verdict } from "./browser.ts";

const stage = setStage();

const bad = `${line("a", { method: "GET" })}\n${line("a")}\n${line("b", {}, { stream: true })}\n`;
const mended = `${line("a")}\n${line("a").replace('"a"', '"a#2"')}\n${line("b")}\n`;

async function repaired(page: Page): Promise<string> {
  await page.getByText("This is the repaired copy of requests.jsonl").waitFor();
  await checked(page);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download requests-repaired.jsonl" }).click();
  return readFile(await (await download).path(), "utf8");
}

/** Shows the kinds of repair where there are several. */
const oneByOne = (page: Page) => page.getByText(/^\d kinds of repair/).click();

describe("repair", () => {
  test("each kind has a button, a count and examples; all of them give a file that is good", async () => {
    const { page, complaints } = await stage.open();
    await choose(page, bad);
    const panel = page.getByRole("region", { name: "Repair" });
    await panel.waitFor();
    assert.deepEqual(await panel.locator("li > button").allTextContents(), [
      "Remove stream",
      "Set method to POST",
      "Number duplicate custom_ids",
    ]);
    await oneByOne(page);
    await panel.getByText("1 line, such as line 1").click();
    assert.match(await textOf(page, ".repair li details[open] del"), /"GET"/);
    assert.match(await textOf(page, ".repair li details[open] ins"), /"POST"/);

    await page.getByRole("button", { name: "Make a repaired copy" }).click();
    assert.equal(await repaired(page), mended);
    assert.match(await verdict(page), /^This file is ready/);
    assert.equal(await page.getByRole("region", { name: "Repair" }).count(), 0);
    assert.deepEqual(complaints, []);
    await page.context().close();
  });

  test("one kind alone leaves the others, which can follow", async () => {
    const { page } = await stage.open();
    await choose(page, bad);
    await oneByOne(page);
    await page.getByRole("button", { name: "Set method to POST" }).click();
    assert.equal(await repaired(page), bad.replace("GET", "POST"));
    await oneByOne(page);
    await page.getByRole("button", { name: "Remove stream" }).click();
    await page.getByRole("button", { name: "Remove stream" }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Number duplicate custom_ids" }).click();
    await page.getByText("This file is ready to upload").first().waitFor();
    assert.equal(await repaired(page), mended);
    await page.context().close();
  });

  test("is stopped while it writes, offered again, and nothing of the stopped one comes after", async () => {
    const { page } = await stage.open();
    const [reader] = page.workers();
    // The disk takes its time until it is let go.
    await reader?.evaluate(() => {
      const disk = globalThis as unknown as { letGo: () => void };
      const { write } = FileSystemWritableFileStream.prototype;
      const gone = new Promise<void>((done) => {
        disk.letGo = done;
      });
      FileSystemWritableFileStream.prototype.write = async function (bytes) {
        await gone;
        return write.call(this, bytes);
      };
    });
    await choose(page, bad);
    await page.getByRole("button", { name: "Make a repaired copy" }).click();
    await page.getByText("Repairing: ").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await oneByOne(page);
    await page.getByRole("button", { name: "Set method to POST" }).click();
    await page.getByText("Repairing: ").waitFor();
    await reader?.evaluate(() => (globalThis as unknown as { letGo: () => void }).letGo());
    assert.equal(await repaired(page), bad.replace("GET", "POST"));
    await page.context().close();
  });

  test("a file without errors has nothing to repair", async () => {
    const { page } = await stage.open();
    await choose(page, mended);
    await checked(page);
    assert.equal(await page.getByRole("region", { name: "Repair" }).count(), 0);
    await page.context().close();
  });
});
