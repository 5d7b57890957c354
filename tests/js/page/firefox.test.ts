/** The page in a second engine: what it does with files, over its own thread, the wasm and the private disk. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { firefoxPath } from "../../../scripts/setup/browsers.mjs";
import { line, type PageServer, startPageServer } from "./browser.ts";
import { type Firefox, startFirefox } from "./firefox.ts";
import { answer, refusal, text } from "./result-lines.ts";

const path = firefoxPath();

describe("in Firefox", { skip: path === null && "there is no Firefox: set FIREFOX to its path" }, () => {
  let firefox: Firefox;
  let server: PageServer;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "edgebatch-firefox-files-"));
    [firefox, server] = await Promise.all([startFirefox(path ?? ""), startPageServer()]);
  });
  after(async () => {
    await firefox?.stop();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function choose(selector: string, name: string, content: string | Uint8Array): Promise<void> {
    const file = join(folder, name);
    await writeFile(file, content);
    await firefox.choose(selector, [file]);
  }
  const says = (words: string) =>
    firefox.waitFor(`the page says ${words}`, `document.body.innerText.includes(${JSON.stringify(words)})`);

  test("a packed file is checked, its error shown in its line, and repaired into a new file", async () => {
    await firefox.open(server.url);
    await choose(
      "input[type=file]",
      "a.jsonl.gz",
      gzipSync(`${line("a")}\n${line("b", { method: "GET" })}\n`),
    );
    await says("This file would be refused: 1 of its 2 requests has errors.");
    await firefox.waitFor("the line is there", `document.querySelector(".row.marked")`);
    await firefox.click("Make a repaired copy");
    await says("This is the repaired copy of a.jsonl.gz");
    await says("This file is ready to upload: all 2 requests are good.");
  });

  test("results are joined with their input, and a view of their usage follows", async () => {
    await firefox.open(`${server.url}#/results`);
    await choose("input.results-input", "out.jsonl", text([answer("a", "fine"), refusal("b", "busy", "no")]));
    await says("1 of 2 requests was answered, 1 failed.");
    await choose("input.results-input", "in.jsonl", text([line("b"), line("a"), line("c")]));
    await says("1 of 3 requests was answered, 1 failed, 1 without a result.");
    await firefox.click("Usage");
    await says("Average per answer");
    assert.equal(await firefox.evaluate(`document.querySelectorAll('[role="alert"]').length`), "0");
  });
});
