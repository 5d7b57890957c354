/** The batches view, against the real Worker: from another origin, with a key. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import OpenAI from "openai";
import type { Page } from "playwright-core";
import { completion, reply, startUpstream, type Upstream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, type Started, startWorker, until } from "../worker/server.ts";
import { checked, choose, line, setStage, textOf } from "./browser.ts";

const KEY = "sk-the-key-of-this-test";

const stage = setStage();
let worker: Started;
let upstream: Upstream;
let client: OpenAI;
let folder: string;

/** How many calls the model server may answer; the others wait. */
let permits = Number.POSITIVE_INFINITY;

before(async () => {
  upstream = await startUpstream(async ({ content }, response) => {
    await until("a call is let through", () => permits > 0);
    permits--;
    if (content.includes("fail")) reply(response, 422, { error: { message: "no" } });
    else reply(response, 200, completion(content));
  });
  const sha256 = createHash("sha256").update(KEY).digest("hex");
  [worker, folder] = await Promise.all([
    startWorker({ API_KEYS: `tester:${sha256}`, UPSTREAM_URL: upstream.url }),
    mkdtemp(join(tmpdir(), "edgebatch-page-")),
  ]);
  client = new OpenAI({ baseURL: `${worker.url}/v1`, apiKey: KEY, maxRetries: 0 });
});
after(async () => {
  permits = Number.POSITIVE_INFINITY;
  await Promise.all([worker?.stop(), upstream?.close()]);
  await rm(folder, { recursive: true, force: true });
});

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

async function connect(page: Page, address = worker.url, key = KEY): Promise<void> {
  await page.getByLabel("Server address").fill(address);
  await page.getByLabel("Key").fill(key);
  await button(page, "Connect").click();
}

async function connected(): Promise<Page> {
  const { page } = await stage.open({}, "#/batches");
  await connect(page);
  await button(page, "Disconnect").waitFor();
  return page;
}

/** Checks a file and creates a batch of it, with one click. */
async function create(page: Page, content: string | Buffer, name?: string): Promise<string> {
  await page.getByRole("link", { name: "Check a file" }).first().click();
  await choose(page, content, name);
  await checked(page);
  await page.getByRole("button", { name: /^(Upload and create|Create) a batch/ }).click();
  return opened(page);
}

/** The id of the batch that is shown. */
async function opened(page: Page): Promise<string> {
  await page.getByRole("heading", { name: "Timeline" }).waitFor({ timeout: 60_000 });
  return textOf(page, ".batch-id");
}

async function saved(page: Page, name: string): Promise<string> {
  const coming = page.waitForEvent("download");
  await button(page, name).click();
  return readFile(await (await coming).path(), "utf8");
}

const content = async (id: string | null | undefined) => (await client.files.content(id ?? "")).text();

describe("A connection", () => {
  test("that fails says why, in the server's words or in ours", async () => {
    const { page } = await stage.open({}, "#/batches");
    const says = (words: RegExp) => page.getByRole("alert").filter({ hasText: words }).waitFor();
    await connect(page, worker.url, "sk-wrong");
    await says(/Incorrect API key provided/);
    await connect(page, "http://127.0.0.1:9");
    await says(/No answer from http:\/\/127\.0\.0\.1:9\/v1\. .*CORS/);
    await connect(page, "http://");
    await says(/This is not an address/);
    await connect(page, stage.url);
    await says(/status 404/);
    assert.equal(await button(page, "Disconnect").count(), 0);
  });

  test("is kept in its tab alone", async () => {
    const page = await connected();
    await page.reload();
    await button(page, "Disconnect").waitFor();
    const kept = await page.evaluate(() => [
      JSON.stringify(sessionStorage),
      JSON.stringify(localStorage),
      document.cookie,
    ]);
    assert.ok(kept[0]?.includes("sk-the-key"));
    assert.ok(!kept[1]?.includes("sk-") && kept[2] === "");
    const other = await page.context().newPage();
    await other.goto(`${stage.url}#/batches`);
    await button(other, "Connect").waitFor();
    await button(page, "Disconnect").click();
    // Only that there was one.
    const left = await page.evaluate(() => JSON.stringify(sessionStorage));
    assert.equal(left, '{"edgebatch-connection":""}');
  });
});

describe("Batches", () => {
  test("are listed newest first, page by page", async () => {
    const file = await client.files.create({
      purpose: "batch",
      file: new File([chatLines(1, "m")], "input.jsonl"),
    });
    const ids: string[] = [];
    for (let i = 0; i < 23; i++) {
      const params = { input_file_id: file.id, endpoint: "/v1/chat/completions" } as const;
      ids.unshift((await client.batches.create({ ...params, completion_window: "24h" })).id);
    }
    const page = await connected();
    const shown = () =>
      page.locator(".batches code").evaluateAll((ids) => ids.map((each) => each.textContent));
    await page.locator(".batches li").nth(19).waitFor();
    assert.deepEqual(await shown(), ids.slice(0, 20));
    await button(page, "Show more").click();
    await page.locator(".batches li").nth(22).waitFor();
    assert.deepEqual(await shown(), ids);
    for (const id of ids) await ended(client, id);
  });

  test("are created from a checked file in one click, move while they run, and give both files", async () => {
    const page = await connected();
    permits = 0;
    const lines = Array.from({ length: 12 }, (_, i) =>
      line(`r-${i}`, {}, { messages: [{ role: "user", content: i === 5 ? "fail" : `number ${i}` }] }),
    );
    const id = await create(page, lines.join("\n"));
    const progress = page.locator(".batch progress");
    const states: string[] = [];
    for (let done = 0; done < 12; done += 4) {
      await page.waitForFunction(
        (atLeast) => (document.querySelector<HTMLProgressElement>(".batch progress")?.value ?? -1) >= atLeast,
        done,
      );
      states.push(String(await progress.getAttribute("max")));
      permits += 4;
    }
    await page.locator(".state.completed").waitFor({ timeout: 60_000 });
    assert.equal(states.at(-1), "12");
    assert.equal(await progress.count(), 0, "the bar goes when the batch is done");
    assert.match(await textOf(page, ".wide .facts"), /Succeeded\s*11\s*Failed\s*1\s*Total\s*12/);
    assert.match(await page.title(), /^Completed · requests\.jsonl/);
    const events = await page
      .locator(".timeline b")
      .evaluateAll((all) => all.map((each) => each.textContent));
    assert.deepEqual(events, ["Created", "Started", "Finalizing", "Completed"]);
    const batch = await client.batches.retrieve(id);
    assert.equal(await saved(page, "Download the output"), await content(batch.output_file_id));
    assert.equal(await saved(page, "Download the errors"), await content(batch.error_file_id));
    assert.equal(await content(batch.input_file_id), lines.join("\n"));
    permits = Number.POSITIVE_INFINITY;
  });

  test("move in the list, and are cancelled when that is confirmed", async () => {
    permits = 0;
    const { id } = await createBatch(client, chatLines(30, "m"));
    const page = await connected();
    const row = page.locator(".batches li", { hasText: id });
    await row.locator(".state.in_progress").waitFor({ timeout: 30_000 });
    permits += 9;
    await page.waitForFunction(
      (label) => {
        const bar = document.querySelector<HTMLProgressElement>(`progress[aria-label*="${label}"]`);
        return bar !== null && bar.max === 30 && bar.value > 0 && bar.value < 30;
      },
      id,
      { timeout: 30_000 },
    );
    await row.getByRole("link").click();
    await opened(page);
    const cancels: string[] = [];
    page.on("request", (request) => {
      if (request.method() === "POST" && request.url().endsWith("/cancel")) cancels.push(request.url());
    });
    const { width, height } = (await button(page, "Cancel the batch").boundingBox()) ?? assert.fail();
    const yes = async () => {
      await button(page, "Cancel the batch").click();
      const box = (await button(page, "Yes, cancel it").boundingBox()) ?? assert.fail();
      await page.keyboard.press("Escape");
      return box;
    };
    // A window in which the dangerous button comes to lie where the first click is.
    const target = await yes();
    const at = await button(page, "Cancel the batch").boundingBox();
    await page.evaluate(
      ([x, y]) => {
        const first = [...document.querySelectorAll("button")].find(
          (each) => each.textContent === "Cancel the batch",
        );
        (first as HTMLElement).style.translate = `${x}px ${y}px`;
      },
      [target.x - (at?.x ?? 0), target.y - (at?.y ?? 0)],
    );
    for (const place of [0.03, 0.5, 0.97]) {
      await button(page, "Cancel the batch").dblclick({ position: { x: width * place, y: height / 2 } });
      await page.waitForFunction(() => document.activeElement?.textContent === "No, let it run");
      await page.keyboard.press("Escape");
      await page.getByRole("alertdialog").waitFor({ state: "detached" });
    }
    await button(page, "Cancel the batch").click();
    await button(page, "No, let it run").click();
    await button(page, "Cancel the batch").click();
    await page.getByRole("alertdialog").waitFor();
    assert.deepEqual(cancels, [], "nothing was cancelled by then");
    assert.equal((await client.batches.retrieve(id)).status, "in_progress");
    await button(page, "Yes, cancel it").click();
    await page.locator(".state.cancelling, .state.cancelled").first().waitFor();
    permits = Number.POSITIVE_INFINITY;
    await page.locator(".state.cancelled").waitFor({ timeout: 60_000 });
    assert.equal((await client.batches.retrieve(id)).status, "cancelled");
    await page.locator(".timeline b", { hasText: "Cancel requested" }).waitFor();
  });

  test("are told apart by name, model, metadata and age, and found by them", async () => {
    const file = await client.files.create({
      purpose: "batch",
      file: new File([chatLines(2, "m")], "evening.jsonl"),
    });
    const { id } = await client.batches.create({
      input_file_id: file.id,
      endpoint: "/v1/chat/completions",
      completion_window: "24h",
      metadata: { team: "search" },
    });
    await ended(client, id);
    const page = await connected();
    const row = page.locator(".batches li", { hasText: "evening.jsonl" });
    await row.waitFor();
    assert.match((await row.textContent()) ?? "", /just now · m · took .* · team: search/);
    await page.getByLabel("Find a batch").fill("SEARCH even");
    await page.waitForFunction(() => document.querySelectorAll(".batches li").length === 1);
    await page.getByLabel("Status").selectOption("Failed");
    await page.getByText(/^None of the newest/).waitFor();
    await page.getByLabel("Status").selectOption("Completed");
    await row.waitFor();
  });

  test("with failed requests run them again, in a batch that has all answers", async () => {
    permits = Number.POSITIVE_INFINITY;
    const page = await connected();
    const asked = (content: string) => ({ messages: [{ role: "user", content }] });
    const first = await create(page, `${line("a", {}, asked("fine"))}\n${line("b", {}, asked("fail"))}`);
    await button(page, "Retry 1 request").click();
    await page.waitForFunction((id) => !location.hash.endsWith(id), first);
    await page.waitForFunction(
      (id) =>
        document.querySelector(".batch-id")?.textContent !== id && document.querySelector(".state.completed"),
      first,
      { timeout: 60_000 },
    );
    const again = await client.batches.retrieve(await opened(page));
    assert.deepEqual(again.request_counts, { total: 2, completed: 1, failed: 1 });
    assert.match(await content(again.output_file_id), /"custom_id":\s?"a"/);
  });

  test("that failed show the errors of their file, which opens in the checker", async () => {
    const { id } = await createBatch(client, `${chatLines(1, "m")}broken\n${chatLines(1, "m")}`);
    await ended(client, id);
    const page = await connected();
    await page.getByRole("link", { name: id }).click();
    // The list says that it failed, too.
    await opened(page);
    const rows = await page
      .locator("tbody tr")
      .evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent).slice(0, 3)));
    assert.deepEqual(rows, [
      ["2", "Not valid JSON", ""],
      ["3", "Duplicate ID", "custom_id"],
    ]);
    await button(page, "Check the input file").click();
    await checked(page);
    assert.match(await textOf(page, ".verdict"), /2/);
    await page.locator(".error-row").nth(1).waitFor();
  });

  test("that there are not are told to be missing", async () => {
    const page = await connected();
    await page.goto(`${stage.url}#/batches/batch_0123`);
    await page.getByRole("alert").filter({ hasText: "batch_0123" }).waitFor();
  });
});

describe("An upload", () => {
  test("of a packed file is unpacked on the way", async () => {
    const page = await connected();
    const lines = `${line("a")}\n${line("ü")}\n`;
    const id = await create(page, gzipSync(lines), "requests.jsonl.gz");
    const batch = await client.batches.retrieve(id);
    assert.equal(await content(batch.input_file_id), lines);
    assert.equal((await client.files.retrieve(batch.input_file_id)).filename, "requests.jsonl");
  });

  test("of a file with errors takes the good lines", async () => {
    const page = await connected();
    const id = await create(page, `${line("a")}\nbroken\n${line("b")}\n`);
    const { input_file_id: input } = await client.batches.retrieve(id);
    assert.equal(await content(input), `${line("a")}\n${line("b")}\n`);
    assert.equal((await client.files.retrieve(input)).filename, "requests-good.jsonl");
  });

  test("asks for the server first where there is none yet", async () => {
    const { page } = await stage.open();
    await choose(page, line("a"));
    await checked(page);
    await button(page, "Upload and create a batch").click();
    await connect(page);
    const id = await opened(page);
    assert.equal((await client.batches.retrieve(id)).endpoint, "/v1/chat/completions");
  });

  test("of a large file goes in parts, shows how far it is, and can be stopped", async () => {
    const path = join(folder, "large.jsonl");
    const out = createWriteStream(path);
    const padding = "x".repeat(1_000_000);
    for (let i = 0; i < 70; i++)
      if (!out.write(`${line(`id-${i}`, {}, { user: padding })}\n`)) await once(out, "drain");
    out.end();
    await once(out, "close");
    const page = await connected();
    const paths: string[] = [];
    page.on("request", (request) => {
      if (request.method() === "POST")
        paths.push(new URL(request.url()).pathname.replace(/upload_\w+/, "ID"));
    });
    await page.evaluate(() => {
      const seen: string[] = [];
      (globalThis as unknown as { seen: string[] }).seen = seen;
      new MutationObserver(() =>
        seen.push(document.querySelector(".create .notice")?.textContent ?? ""),
      ).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    await page.getByRole("link", { name: "Check a file" }).click();
    await page.locator("input[type=file]").first().setInputFiles(path);
    await checked(page);
    permits = 0;
    await button(page, "Upload and create a batch").click();
    await button(page, "Stop").click();
    await button(page, "Stop").waitFor({ state: "detached" });
    await until("the upload was given up", () => paths.includes("/v1/uploads/ID/cancel"));
    paths.length = 0;
    await button(page, "Upload and create a batch").click();
    const id = await opened(page);
    const part = "/v1/uploads/ID/parts";
    assert.deepEqual(paths, ["/v1/uploads", part, part, part, "/v1/uploads/ID/complete", "/v1/batches"]);
    const seen = await page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen);
    assert.ok(
      seen.some((text) => /Uploading [1-9]\d?% of 70 MB/.test(text)),
      seen.join("\n"),
    );
    const batch = await client.batches.retrieve(id);
    const sent = createHash("sha256")
      .update(await content(batch.input_file_id))
      .digest("hex");
    assert.equal(
      sent,
      createHash("sha256")
        .update(await readFile(path))
        .digest("hex"),
    );
    await client.batches.cancel(id);
    permits = Number.POSITIVE_INFINITY;
  });
});
