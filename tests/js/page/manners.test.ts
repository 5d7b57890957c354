/** How the page behaves: readable for everyone, by keyboard alone, on any width, without jumps and without company. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import type { Page } from "playwright-core";
import { type Started, startWorker } from "../worker/server.ts";
import { checked, choose, line, openPage, setStage, textOf } from "./browser.ts";

const stage = setStage();
let worker: Started;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

interface Violation {
  id: string;
  help: string;
  nodes: { html: string; failureSummary: string }[];
}

/** Runs axe with all of its WCAG rules and best practices. */
async function violations(page: Page): Promise<string[]> {
  // As a script of the debugger's, which the page's own policy does not concern.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(await readFile(axe, "utf8"));
  const found = await page.evaluate(async () => {
    const { run } = (
      globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[]; passes: unknown[] }> } }
    ).axe;
    const { violations, passes } = await run();
    return { violations, passes: passes.length };
  });
  assert.ok(found.passes > 10, "the check looked at something");
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 200)} ${node.failureSummary}`),
  );
}

/** Whether the page is wider than its window. */
const tooWide = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

const mixed = [
  line("a"),
  line("a"),
  '{"custom_id": "b", }',
  line("c", {}, { stream: true }),
  line("d", {}, { model: 7 }),
  '{"custom_id":"e"}',
].join("\n");

for (const colorScheme of ["light", "dark"] as const) {
  for (const [device, width, height] of [
    ["a desktop", 1280, 900],
    ["a phone", 360, 740],
  ] as const) {
    test(`every view passes the accessibility check and fits, ${colorScheme} on ${device}`, async () => {
      const { page } = await openPage(stage.browser, `${worker.url}/`, {
        colorScheme,
        viewport: { width, height },
      });
      const passes = async (view: string) => {
        assert.deepEqual(await violations(page), [], view);
        assert.equal(await tooWide(page), 0, view);
      };
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), colorScheme);
      await passes("the start");
      await page.getByText("Limits and more").click();
      await page.getByRole("button", { name: "Paste text" }).click();
      await passes("options and paste");
      await choose(page, mixed, "a-very-long-name-of-a-file-that-someone-made-".repeat(4));
      await checked(page);
      await page.locator(".error-row").nth(1).click();
      await page.locator(".row.marked").waitFor();
      await passes("errors and a line");
      await page.getByRole("tab", { name: "Statistics" }).click();
      await passes("statistics");
      await choose(page, `${line("a")}\n${line("b")}`);
      await page.locator(".verdict.good").waitFor();
      await passes("a good file");
      await page.getByRole("button", { name: "Upload and create a batch" }).click();
      await page.locator(".state.completed").waitFor({ timeout: 60_000 });
      await passes("a batch");
      await page.getByRole("button", { name: "Read the results" }).click();
      await page.locator(".error-row", { hasText: "200" }).first().click();
      await page.locator(".result-text").first().waitFor();
      await page.getByText("Request", { exact: true }).click();
      await passes("results");
      await page.getByRole("tab", { name: "Usage" }).click();
      await passes("usage");
      await page.getByRole("button", { name: "Close" }).click();
      await passes("the start of results");
      await page.goBack();
      await page.getByRole("link", { name: "All batches" }).click();
      await page.locator(".batches li").first().waitFor();
      await passes("the list of batches");
      await page.getByRole("link", { name: "Webhooks" }).click();
      await page.getByLabel("Name", { exact: true }).fill("a webhook");
      await page.getByLabel("Address", { exact: true }).fill("https://hooks.example.com/batches");
      await page.getByRole("button", { name: "Add" }).click();
      await page.locator(".webhooks li").waitFor();
      await passes("webhooks");
      await page.getByRole("button", { name: "Delete a webhook" }).first().click();
      await passes("a question");
      await page.getByRole("button", { name: "Yes, delete it" }).click();
      await page.getByRole("link", { name: "All batches" }).click();
      await page.getByRole("button", { name: "Disconnect" }).click();
      await passes("batches without a connection");
    });
  }
}

describe("By keyboard alone", () => {
  test("a file is checked, its errors walked through and filtered, and the line read", async () => {
    const { page } = await stage.open();
    const press = async (key: string, times = 1) => {
      for (let i = 0; i < times; i++) await page.keyboard.press(key);
    };
    const focused = () =>
      page.evaluate(() => {
        const at = document.activeElement;
        return at?.getAttribute("aria-label") ?? at?.getAttribute("placeholder") ?? at?.textContent ?? "";
      });
    const tabTo = async (name: string) => {
      for (let i = 0; i < 40; i++) {
        if ((await focused()).startsWith(name)) return;
        await press("Tab");
      }
      assert.fail(`${name} is not reached; at ${await focused()}`);
    };
    await press("Tab");
    assert.equal(await focused(), "Skip to content");
    await press("Enter");
    await tabTo("Try an example");
    await press("Enter");
    await checked(page);
    await tabTo("Errors 5");
    await press("ArrowRight");
    assert.equal(await focused(), "Statistics");
    await press("ArrowLeft");
    await tabTo("Not valid JSON");
    await press("Space");
    await page.locator(".shown-count", { hasText: "1 shown" }).waitFor();
    await press("Space");
    await tabTo("Text, field or line");
    await page.keyboard.type("stream");
    await page.locator(".shown-count", { hasText: "1 shown" }).waitFor();
    await press("Backspace", 6);
    await tabTo("Errors, 5 listed");
    const selected = page.locator('.error-row[aria-selected="true"]');
    await selected.filter({ hasText: "Line 3" }).waitFor();
    await press("ArrowDown");
    await selected.filter({ hasText: "Line 5" }).waitFor();
    await page.locator(".row.marked .fault").waitFor();
    await tabTo("JSON of line 5");
  });

  test("someone who hears the page is told how the check ended", async () => {
    const { page } = await stage.open();
    await choose(page, mixed);
    await page
      .locator('[role="status"].hidden', {
        hasText: "This file would be refused: 5 of its 6 requests have errors.",
      })
      .waitFor({ state: "attached" });
    await page.getByRole("button", { name: "Close" }).click();
    await page
      .locator('[role="status"].hidden', { hasText: "Ready for a file." })
      .waitFor({ state: "attached" });
  });
});

test("nothing jumps while a file is read and its errors come in", async () => {
  const { page } = await stage.open();
  const lines = Array.from({ length: 60_000 }, (_, i) => (i % 3 ? line(`id-${i}`) : `broken ${i}`));
  await page.evaluate(() => {
    const shifts: number[] = [];
    (globalThis as unknown as { shifts: number[] }).shifts = shifts;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { value, hadRecentInput } = entry as unknown as { value: number; hadRecentInput: boolean };
        if (!hadRecentInput) shifts.push(value);
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  const file = { name: "a.jsonl", mimeType: "", buffer: Buffer.from(lines.join("\n")) };
  await page.locator("input[type=file]").setInputFiles(file);
  await checked(page);
  const shifts = await page.evaluate(() => (globalThis as unknown as { shifts: number[] }).shifts);
  // The result takes the place of the start, which is one change and not a jump of what is read.
  const sum = shifts.reduce((all, each) => all + each, 0);
  assert.ok(sum < 0.02, `layout shifts: ${shifts}`);
});

test("colours follow the system until they are turned, and stay turned", async () => {
  const { page } = await stage.open({ colorScheme: "dark" });
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  assert.equal(await theme(), "dark");
  await page.getByRole("button", { name: "Use light colours" }).click();
  assert.equal(await theme(), "light");
  await page.reload();
  assert.equal(await theme(), "light");
});

test("the page asks no one else for anything, and its policy allows scripts and styles of its own alone", async () => {
  const context = await stage.browser.newContext();
  const page = await context.newPage();
  const hosts = new Set<string>();
  context.on("request", (request) => hosts.add(new URL(request.url()).origin));
  const answer = await page.goto(stage.url, { waitUntil: "networkidle" });
  assert.deepEqual([...hosts], [new URL(stage.url).origin]);
  for (const origin of [stage.url, `${worker.url}/`]) {
    const { headers } = await fetch(origin);
    const policy = headers.get("content-security-policy") ?? "";
    for (const rule of ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "style-src 'self'"])
      assert.ok(policy.split("; ").includes(rule), `${rule} in ${policy}`);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|data:| \*/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    const html = await (await fetch(origin)).text();
    assert.doesNotMatch(html, /<script(?![^>]* src=)|style=|onload=/);
    const reader = /assets\/page-\w+\.js/.exec(html)?.[0] ?? "";
    const script = await (await fetch(new URL(reader, origin))).text();
    const worker = /assets\/reader-\w+\.js/.exec(script)?.[0] ?? "";
    const readers = await fetch(new URL(worker, origin));
    assert.equal(
      readers.headers.get("content-security-policy"),
      "default-src 'none'; script-src 'wasm-unsafe-eval'",
    );
    assert.match(readers.headers.get("cache-control") ?? "", /immutable/);
  }
  assert.equal(answer?.headers()["cache-control"], "no-cache");
  await context.close();
});

test("text without JavaScript says what is needed", async () => {
  const { page } = await stage.open({ javaScriptEnabled: false });
  assert.match(await textOf(page, "noscript"), /needs JavaScript/);
});
