/** What a check found, and what can be done with it. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { checked, choose, line, setStage, textOf, verdict } from "./browser.ts";

const stage = setStage();

const endpoint = "/v1/chat/completions";

async function open(content: string | Buffer, name?: string): Promise<Page> {
  const { page } = await stage.open();
  await choose(page, content, name);
  await checked(page);
  return page;
}

async function saved(page: Page, button: string): Promise<{ text: string; name: string }> {
  const coming = page.waitForEvent("download");
  await page.getByRole("button", { name: button }).click();
  const download = await coming;
  return { text: await readFile(await download.path(), "utf8"), name: download.suggestedFilename() };
}

const kinds = async (page: Page) =>
  Object.fromEntries(
    (await page.locator(".kind").all()).length === 0
      ? []
      : await page
          .locator(".kind")
          .evaluateAll((buttons) =>
            buttons.map((button) => [
              button.querySelector("code")?.textContent ?? "all",
              button.querySelector(".kind-count")?.textContent,
            ]),
          ),
  );

describe("A hundred thousand errors and more", () => {
  const count = 120_000;
  const last = `${count.toLocaleString("en")}`;
  let page: Page;
  before(async () => {
    const lines = Array.from({ length: count }, (_, i) =>
      i % 2 === 0 ? "broken" : `{"custom_id":"id-${i}","method":"POST","url":"${endpoint}"}`,
    );
    page = await open(lines.join("\n"));
  });
  after(() => page?.context().close());

  test("are counted by kind, also those that are not listed", async () => {
    assert.deepEqual(await kinds(page), {
      all: "120,001",
      invalid_json_line: "60,000",
      missing_required_parameter: "60,000",
      too_many_tasks: "1",
    });
    assert.equal(await textOf(page, ".list-note"), "100,001 of 120,001 errors are listed.");
    assert.match(await verdict(page), /more than 50,000 requests and none of its requests is good/);
    assert.equal(await textOf(page, ".numbers div:first-child dd"), last);
  });

  test("are a list of which only the rows in view are in the document", async () => {
    const rows = page.locator(".error-row");
    assert.ok((await rows.count()) < 40);
    const list = page.getByRole("listbox");
    await list.focus();
    await page.keyboard.press("End");
    // The error of the whole file comes after the 100,000 of its lines that are listed.
    const active = page.locator('.error-row[aria-selected="true"]');
    await active.filter({ hasText: "Whole file" }).waitFor();
    await page.locator(".todo", { hasText: "Split the file" }).waitFor();
    assert.ok((await rows.count()) < 40);
    assert.equal(await active.getAttribute("aria-posinset"), "100001");
    assert.equal(await active.getAttribute("aria-setsize"), "100001");
    assert.equal(await list.getAttribute("aria-activedescendant"), await active.getAttribute("id"));
    await page.keyboard.press("Home");
    await page.locator('.error-row[aria-posinset="1"][aria-selected="true"]').waitFor();
    await page.getByRole("heading", { name: "Line 1 6 bytes" }).waitFor();
  });

  test("are filtered by kind, text, member and line", async () => {
    const shown = page.locator(".shown-count");
    await page.getByRole("button", { name: /Missing field/ }).click();
    await shown
      .filter({ hasText: "50,000 shown" })
      .or(shown.filter({ hasText: "49,999 shown" }))
      .waitFor();
    const search = page.getByRole("searchbox");
    await search.fill("body");
    await page.locator(".error-row code", { hasText: "body" }).first().waitFor();
    await search.fill("line 4242");
    await shown.filter({ hasText: "1 shown" }).waitFor();
    await page.locator(".error-row", { hasText: "Line 4,242" }).click();
    await page.getByText("id-4241").waitFor();
    await search.fill("there is no such text");
    await page.getByText("No error matches.").waitFor();
  });
});

describe("The line of an error", () => {
  const filler = Array.from({ length: 9_000 }, (_, i) => line(`filler-${i}`)).join("\n");
  const broken = '{"custom_id": "x", "method": "POST",, "url": "u"}';
  const content = `${filler}\n${broken}\n${line("late", {}, { stream: true })}\n${line("filler-7")}\n{"custom_id":"m","method":"POST","url":"${endpoint}","body":{"model":"a"}}\n`;

  for (const [how, file] of [
    ["as it stands", Buffer.from(content)],
    ["packed", gzipSync(content)],
  ] as const) {
    test(`is fetched back out of the file ${how}, with the faulty place marked and what to do`, async () => {
      const page = await open(file);
      const row = (text: string) => page.locator(".error-row", { hasText: text });
      await row("Line 9,001").click();
      await page.getByRole("heading", { name: "Line 9,001" }).waitFor();
      assert.equal(await textOf(page, ".row .fault"), ",");
      assert.match(await textOf(page, ".line-why"), /At column 37:.*name in double quotes/);
      assert.match(await textOf(page, ".todo"), /What to do:.*JSON library/);

      await row("Line 9,002").click();
      await page.locator(".row.marked", { hasText: '"stream": true' }).waitFor();
      assert.match(await textOf(page, ".todo"), /Remove "stream": true/);

      await row("Line 9,003").click();
      await page.locator(".row.marked", { hasText: '"custom_id": "filler-7"' }).waitFor();
      assert.match(await textOf(page, ".todo"), /its own custom_id/);

      await row("Line 9,004").click();
      await page.locator(".row.marked", { hasText: '"messages" is missing here' }).waitFor();
      assert.match(await textOf(page, ".todo"), /messages is a list/);
      await page.context().close();
    });
  }
});

describe("What can be taken away", () => {
  const good = [line("a"), line("ü"), line("c")];
  const content = `${good[0]}\nbroken, "said"\n${good[1]}\r\n${line("a")}\n\n${good[2]}`;

  test("the report as JSON holds all that was found", async () => {
    const page = await open(content, "my requests.jsonl");
    const { text, name } = await saved(page, "Report as JSON");
    assert.equal(name, "my requests-report.json");
    const report = JSON.parse(text);
    assert.deepEqual(
      report.errors.map((error: { line: number; code: string }) => [error.line, error.code]),
      [
        [2, "invalid_json_line"],
        [4, "duplicate_custom_id"],
      ],
    );
    assert.deepEqual(
      [report.requestCount, report.validCount, report.errorCount, report.endpoint, report.complete],
      [5, 3, 2, endpoint, true],
    );
    assert.equal(report.statistics.models[0].name, "echo-1");
  });

  test("the errors as CSV open in a table, and none of them is run as a formula", async () => {
    const evil = `{"custom_id":"=cmd()","method":"\\",x\\n","url":"${endpoint}","body":{"model":"m","messages":[]}}`;
    const page = await open(`${evil}\n`);
    const { text, name } = await saved(page, "Errors as CSV");
    assert.equal(name, "requests-errors.csv");
    assert.equal(
      text,
      `line,code,param,message\r\n1,invalid_value,method,"Invalid value: '"",x\n'. Value must be 'POST'."\r\n`,
    );
  });

  test("there is no table of errors where there are none", async () => {
    const page = await open(`${line("a")}\n`);
    const csv = page.getByRole("button", { name: "Errors as CSV" });
    assert.equal(await csv.isEnabled(), false);
    assert.equal(await page.locator(".chart").count(), 0, "nor a chart of one bar");
    await page.getByText(/^All are between .* and /).waitFor();
    await page.context().close();
  });

  test("the good lines are a new file, byte for byte", async () => {
    for (const file of [Buffer.from(content), gzipSync(content)]) {
      const page = await open(file, "requests.jsonl.gz");
      const { text, name } = await saved(page, "Good lines as a new file");
      assert.equal(name, "requests-good.jsonl");
      assert.equal(text, `${good[0]}\n${good[1]}\r\n${good[2]}`);
      await page.context().close();
    }
  });

  test("good lines beyond the limit of one file come as several", async () => {
    const { page } = await stage.open();
    await page.getByText("Limits and more").click();
    await page.getByLabel("Max requests").fill("2");
    await choose(page, `${content}\n`);
    await checked(page);
    await page.getByRole("button", { name: "Good lines as a new file" }).click();
    await page.getByText("here are 2 files").waitFor();
    const first = await saved(page, "requests-good-1.jsonl");
    const second = await saved(page, "requests-good-2.jsonl");
    assert.equal(first.text + second.text, `${good[0]}\n${good[1]}\r\n${good[2]}\n`);
    assert.equal(first.text.split("\n").length, 3);
  });

  test("good lines where every other is bad, and the browser has no private disk", async () => {
    const lines = Array.from({ length: 4_000 }, (_, i) => line(`id-${i}`, i % 2 ? { method: "GET" } : {}));
    const { page } = await stage.open();
    const noDisk = () =>
      Object.defineProperty(StorageManager.prototype, "getDirectory", { value: undefined });
    await page.workers()[0]?.evaluate(noDisk);
    await choose(page, lines.join("\n"));
    await checked(page);
    const { text } = await saved(page, "Good lines as a new file");
    assert.equal(text, `${lines.filter((_, i) => i % 2 === 0).join("\n")}\n`);
  });
});

test("the statistics tell requests, models, sizes, the longest lines and ids used again", async () => {
  const lines = [
    line("a", {}, { model: "one" }),
    line("b", {}, { model: "two" }),
    line("a", {}, { model: "one", user: "x".repeat(5_000) }),
    "",
    '{"body":{}}',
  ];
  const page = await open(`${lines.join("\n")}\n`);
  await page.getByRole("tab", { name: "Statistics" }).click();
  const facts = await page
    .locator(".statistics :not(.estimate) > .facts > div, .statistics > .facts > div")
    .evaluateAll((all) => all.map((each) => [...each.children].map((child) => child.textContent)));
  const size = lines.join("\n").length + 1;
  assert.deepEqual(facts, [
    ["Requests", "4"],
    ["Bytes", `${(size / 1000).toFixed(2)} KB`],
    ["Average bytes per line", `${(Math.round(size / 4) / 1000).toFixed(2)} KB`],
    ["Duplicate IDs", "1"],
    ["Blank lines", "1"],
  ]);
  const models = await page.locator(".models li").evaluateAll((all) => all.map((each) => each.textContent));
  assert.deepEqual(models, ["one2 50%", "two1 25%", "none or unreadable1 25%"]);
  const longest = await page
    .locator(".longest button")
    .evaluateAll((all) => all.map((each) => each.textContent));
  assert.deepEqual(
    longest,
    ["Line 3", "Line 2", "Line 1", "Line 5"].sort((a, b) => longest.indexOf(a) - longest.indexOf(b)),
  );
  assert.equal(longest[0], "Line 3");
  const chart = page.getByRole("slider", { name: "Number of requests" });
  await chart.focus();
  await page.keyboard.press("Home");
  const bars = await page.locator(".chart rect").count();
  assert.ok(bars > 3, "there is a chart");
  let counted = 0;
  for (let bar = 0; bar < bars; bar++) {
    const words = (await chart.getAttribute("aria-valuetext")) ?? "";
    assert.equal(await textOf(page, ".chart output"), words);
    counted += Number(/: (\d+) request/.exec(words)?.[1]);
    await page.keyboard.press("ArrowRight");
  }
  assert.equal(counted, 4);
  await chart.hover({ position: { x: 60, y: 20 } });
  assert.match(await textOf(page, ".chart output"), /: 1 request$/);
  await page.getByRole("button", { name: "Line 3" }).click();
  await page.getByRole("heading", { name: "Line 3" }).waitFor();
});

test("no text of a file is ever taken for HTML", async () => {
  const evil = '<img src=x onerror="globalThis.taken=1"><script>globalThis.taken=1</script>';
  const { page, complaints } = await stage.open();
  const lines = [
    line(evil, {}, { model: evil }),
    line(evil, {}, { model: evil }),
    line("b", { method: evil }),
    `{"a": ${evil}`,
    line("c", { body: { [evil]: evil, model: evil } }),
  ];
  await choose(page, `${lines.join("\n")}\n`, `${evil.replaceAll("/", "")}.jsonl`);
  await checked(page);
  const count = await page.locator(".error-row").count();
  assert.equal(count, 4);
  for (let i = 0; i < count; i++) {
    await page.locator(".error-row").nth(i).click();
    await page.locator(".line-view .row", { hasText: "onerror" }).first().waitFor();
  }
  await page.getByRole("tab", { name: "Statistics" }).click();
  await page.locator(".model-name", { hasText: "onerror" }).waitFor();
  const found = await page.evaluate(() => ({
    images: document.images.length,
    scripts: [...document.scripts].map((script) => new URL(script.src).pathname),
    taken: "taken" in globalThis,
  }));
  assert.deepEqual([found.images, found.taken, found.scripts.length], [0, false, 1]);
  assert.deepEqual(complaints, []);
  // Nor could a later mistake do it: the page's policy refuses text where HTML is made.
  const refused = await page.evaluate(() => {
    try {
      document.body.insertAdjacentHTML("beforeend", "<i>text</i>");
      return "made";
    } catch (error) {
      return (error as Error).name;
    }
  });
  assert.equal(refused, "TypeError");
});

describe("On a phone", () => {
  test("the first error is in view under the verdict, and what can be done with the file comes below", async () => {
    const { page } = await stage.open({ viewport: { width: 390, height: 844 } });
    await page.getByRole("button", { name: "Try an example" }).click();
    await checked(page);
    await page.getByRole("button", { name: "Make a repaired copy" }).waitFor();
    const bottom = async (selector: string) => {
      const box = await page.locator(selector).first().boundingBox();
      return box ? box.y + box.height : assert.fail(`there is no ${selector}`);
    };
    assert.equal(await page.evaluate(() => scrollY), 0);
    const [verdict, error, downloads] = [
      await bottom(".verdict"),
      await bottom(".error-row"),
      await bottom(".downloads"),
    ];
    assert.ok(verdict < error && error < downloads, `${verdict}, ${error}, ${downloads}`);
    assert.ok(error <= 844, `the first error ends at ${error} of 844 pixels`);
    // The list is as high as its rows, and no empty card stands below it.
    const rows = await page.locator(".error-row").count();
    const list = (await page.locator(".error-list").boundingBox())?.height ?? 0;
    assert.ok(list < 56 * rows + 8, `${rows} rows in ${list} pixels`);
    assert.equal(await page.locator(".line-view").isVisible(), false);
    await page.locator(".error-row").first().click();
    const marked = page.locator(".row.marked");
    await marked.waitFor();
    const isInView = await marked.evaluate((row) => {
      const [inner, outer] = [row.getBoundingClientRect(), row.closest(".json")?.getBoundingClientRect()];
      return outer !== undefined && inner.top >= outer.top && inner.bottom <= outer.bottom;
    });
    assert.ok(isInView, "the fault is in view in its line");
    await page.context().close();
  });
});
