/** A file comes in, is read in a thread of its own, and can be put away again. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { checked, choose, line, setStage, textOf, verdict } from "./browser.ts";

const stage = setStage();
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "edgebatch-page-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const mixed = `${line("a")}\n${line("b", { url: "/v1/embeddings" })}\n\n${line("a")}\nbroken\n`;
const refused = "This file would be refused: 3 of its 4 requests have errors.";

/** A large file whose reading takes a while: every thousandth line is broken. */
async function largeFile(megabytes: number): Promise<string> {
  const path = join(folder, `large-${megabytes}.jsonl`);
  const out = createWriteStream(path);
  const padding = "x".repeat(900);
  let id = 0;
  for (let written = 0; written < megabytes * 1e6; ) {
    const lines = Array.from({ length: 1000 }, () => line(`id-${id++}`, {}, { user: padding }));
    lines[500] = "broken";
    const text = `${lines.join("\n")}\n`;
    written += text.length;
    if (!out.write(text)) await once(out, "drain");
  }
  out.end();
  await once(out, "close");
  return path;
}

async function raiseLimits(page: Page): Promise<void> {
  await page.getByText("Limits and more").click();
  await page.getByLabel("Max requests").fill("10000000");
  await page.getByLabel("Max size (MiB)").fill("10000");
}

describe("A file", () => {
  test("that is chosen is checked", async () => {
    const { page, complaints } = await stage.open();
    await choose(page, mixed);
    await checked(page);
    assert.equal(await verdict(page), refused);
    assert.deepEqual(complaints, []);
  });

  test("has its codes lead to the reference of errors, where the site is beside the page", async () => {
    const { page } = await stage.open();
    const links = page.locator(".line-error a");
    const chooseError = async () => {
      await choose(page, `${line("b", { url: "/v1/embeddings" })}\n`);
      await checked(page);
      await page.locator(".error-text").first().click();
      await page.locator(".line-error code").waitFor();
    };
    await chooseError();
    assert.equal(await links.count(), 0);
    await page.route(stage.url, async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace("<html", '<html data-docs="docs/"');
      await route.fulfill({ response, body });
    });
    await page.goto(stage.url);
    await chooseError();
    assert.equal(await links.getAttribute("href"), "docs/errors.html#missing_required_parameter");
  });

  test("that is dropped anywhere on the page is checked", async () => {
    const { page } = await stage.open();
    await page.evaluate((text) => {
      const data = new DataTransfer();
      data.items.add(new File([text], "dropped.jsonl"));
      for (const type of ["dragenter", "dragover", "drop"])
        document.body.dispatchEvent(
          new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }),
        );
    }, mixed);
    await checked(page);
    assert.equal(await verdict(page), refused);
    assert.equal(await textOf(page, ".file-name"), "dropped.jsonl");
    assert.equal(await page.locator(".veil").count(), 0);
  });

  test("that is pasted as text is checked", async () => {
    const { page } = await stage.open();
    await page.getByRole("button", { name: "Paste text" }).click();
    await page.getByLabel("Lines of a batch file").fill(mixed);
    await page.getByRole("button", { name: "Check this text" }).click();
    await checked(page);
    assert.equal(await verdict(page), refused);
  });

  test("that is pasted anywhere is checked", async () => {
    const { page } = await stage.open();
    await page.evaluate((text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", text);
      document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
    }, mixed);
    await checked(page);
    assert.equal(await verdict(page), refused);
  });

  test("packed by gzip is unpacked as it is read, whatever it is called", async () => {
    const { page } = await stage.open();
    for (const name of ["requests.jsonl.gz", "requests.jsonl"]) {
      await choose(page, gzipSync(mixed), name);
      await page.locator(".file-name", { hasText: name }).waitFor();
      await checked(page);
      assert.equal(await verdict(page), refused);
    }
  });

  test("that cannot be read is refused in words that say what to do", async () => {
    const { page } = await stage.open();
    const whole = gzipSync(line("a").repeat(1000));
    const cases: [Buffer, RegExp][] = [
      [whole.subarray(0, whole.length - 20), /damaged or was cut off/],
      [
        Buffer.from("PK\u0003\u0004 and more"),
        /is a ZIP archive, or a document made of one, not a batch file/,
      ],
      [Buffer.from("\ufeff{}", "utf16le"), /is text in UTF-16, not a batch file/],
      [Buffer.from("{}", "utf16le"), /is text in UTF-16, not a batch file/],
      [Buffer.alloc(0), /holds no requests/],
    ];
    for (const [content, words] of cases) {
      await choose(page, content);
      await page.locator(".verdict", { hasText: words }).waitFor();
    }
  });

  test("of good requests alone is ready to upload", async () => {
    const { page } = await stage.open();
    await choose(page, `${line("a")}\n${line("b")}`);
    await checked(page);
    assert.equal(await verdict(page), "This file is ready to upload: all 2 requests are good.");
  });

  test("is judged for the endpoint of its first line, or the one that was picked", async () => {
    const { page } = await stage.open();
    const body = { model: "m", input: "text" };
    const embeddings = line("a", { url: "/v1/embeddings", body });
    await choose(page, `\n\n${embeddings}\n`);
    await checked(page);
    assert.match(await verdict(page), /ready/);
    await page.getByText("Checked for /v1/embeddings").click();
    await page.getByLabel("Endpoint").selectOption("/v1/chat/completions");
    await page.getByRole("button", { name: "Check again" }).click();
    await page.getByText("Checked for /v1/chat/completions").waitFor();
    await checked(page);
    assert.match(await verdict(page), /refused/);
  });

  test("has its errors worded in the dialect that was picked", async () => {
    const { page } = await stage.open();
    const texts: string[] = [];
    for (const dialect of ["openai", "reference"]) {
      await page.getByLabel("Error wording").selectOption(dialect);
      await choose(page, line("a", { method: "GET" }));
      await checked(page);
      texts.push(await textOf(page, ".error-text"));
      await page.getByRole("button", { name: "Close" }).click();
    }
    assert.deepEqual(texts, ["Invalid value: 'GET'. Value must be 'POST'.", "Method must be POST"]);
  });

  test("over the limit is refused as on a server, and read to its end when asked for", async () => {
    const { page } = await stage.open();
    await page.getByText("Limits and more").click();
    await page.getByLabel("Max size (MiB)").fill("1");
    await page.getByLabel("Max requests").fill("8000");
    const good = Array.from({ length: 8_000 }, (_, i) => line(`request-${i}`)).join("\n");
    await choose(page, `${good}\nbroken\n`);
    await checked(page);
    assert.match(await verdict(page), /refused: it is larger than 1 MiB/);
    await page.getByRole("button", { name: "Raise the limit and check all of it" }).click();
    const whole = "it has more than 8,000 requests and 1 of its 8,001 requests has errors";
    await page.locator(".verdict", { hasText: whole }).waitFor();
  });
});

describe("While a file is read", () => {
  test("there are progress by bytes, a rate, the time left, counts and the first errors; it can be cancelled, and another chosen", async () => {
    const path = await largeFile(2_000);
    const { page, complaints } = await stage.open();
    await raiseLimits(page);
    await page.evaluate(() => {
      const seen: string[] = [];
      (globalThis as unknown as { seen: string[] }).seen = seen;
      new MutationObserver(() => {
        const text = (selector: string) => document.querySelector(selector)?.textContent ?? "";
        seen.push(
          `${text(".progress p")} | ${text(".verdict p")} | ${text(".numbers")} | ${text(".error-row")}`,
        );
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    await page.locator("input[type=file]").setInputFiles(path);
    await page.waitForFunction(() =>
      (globalThis as unknown as { seen: string[] }).seen.some((text) =>
        /^[1-9]\d*%, [\d.]+ [MG]B of [\d.]+ GB · [\d.]+ [MG]B per second · .+ left \| Checking: \d+ errors so far\. \| .*Line 501/.test(
          text,
        ),
      ),
    );
    // The page answers meanwhile.
    await page.getByRole("tab", { name: "Statistics" }).click();
    await page.getByRole("heading", { name: "Models" }).waitFor();
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.locator(".verdict", { hasText: /^Cancelled: \d+ errors so far/ }).waitFor();
    const at = await textOf(page, ".progress p");
    assert.match(at, /^Read up to [\d.]+ [MG]B of [\d.]+ GB/);
    // What was found stays usable: a line of the part that was read.
    await page.getByRole("tab", { name: /Errors/ }).click();
    await page.locator(".error-row").first().click();
    await page.getByRole("heading", { name: /Line 501/ }).waitFor();
    await choose(page, line("a"));
    await page.locator(".verdict", { hasText: "its one request is good" }).waitFor();
    // And a file that is still being read gives way to the next at once.
    await page.locator("input[type=file]").setInputFiles(path);
    await page
      .getByText(/^Checking/)
      .first()
      .waitFor();
    await choose(page, mixed);
    await page.locator(".verdict", { hasText: refused }).waitFor();
    assert.deepEqual(complaints, []);
  });

  test("nothing is sent: no request is made, none is needed, and the reading thread may make none", async () => {
    const { page, complaints } = await stage.open();
    const requests: string[] = [];
    page.context().on("request", (request) => requests.push(request.url()));
    await page.context().setOffline(true);
    for (const content of [mixed, gzipSync(mixed)]) {
      await choose(page, content as Buffer);
      await checked(page);
      await page.locator(".error-row").first().click();
      await page.locator(".row.marked").waitFor();
    }
    assert.equal(await verdict(page), refused);
    assert.deepEqual(
      requests.filter((url) => !url.includes("/assets/reader-")),
      [],
      "the next thread's script, which holds nothing of a file, is all that is asked for after a check",
    );
    assert.deepEqual(complaints, []);
    await page.context().setOffline(false);
    const [reader] = page.workers();
    assert.ok(reader, "there is a reading thread");
    const tries = await reader.evaluate(async (url) => {
      const outcome = (work: () => unknown) =>
        Promise.resolve()
          .then(work)
          .then(
            () => "sent",
            (error) => String(error),
          );
      return {
        fetch: await outcome(() => fetch(url)),
        import: await outcome(() =>
          (globalThis as unknown as { importScripts(u: string): void }).importScripts(url),
        ),
        socket: await outcome(
          () =>
            new Promise((next, fail) => {
              const socket = new WebSocket(url.replace("http", "ws"));
              socket.onopen = next;
              socket.onerror = () => fail(new Error("refused"));
            }),
        ),
      };
    }, stage.url);
    for (const [way, outcome] of Object.entries(tries)) assert.notEqual(outcome, "sent", way);
  });
});
