/** Results of a batch: read, joined with their requests, looked through, and taken away. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { line, type Opened, setStage, textOf } from "./browser.ts";
import { answer, refusal, result, text } from "./result-lines.ts";

const stage = setStage();

interface Given {
  name: string;
  content: string | Buffer;
}

let opened: Opened | undefined;

/** Opens files in the one page of these tests, which is theirs alone then. */
async function open(given: Given[]): Promise<Opened> {
  opened ??= await stage.open({}, "#/results");
  const { page } = opened;
  await page.getByRole("link", { name: "Results" }).click();
  const close = page.getByRole("button", { name: "Close" });
  if (await close.isVisible()) await close.click();
  const files = given.map(({ name, content }) => ({ name, mimeType: "", buffer: Buffer.from(content) }));
  await page.locator("input.results-input").setInputFiles(files);
  await page.locator(".downloads button:enabled, .verdict.bad").first().waitFor();
  return opened;
}

/** A pixel. */
const png =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const output = text([
  answer("a", "# Title\n\n* **one**"),
  answer("json", '{"name": "x", "list": [1, 2]}'),
  result("vector", { data: [{ embedding: Array.from({ length: 1536 }, (_, i) => i / 4) }], model: "e" }),
  result("packed-vector", {
    data: [{ embedding: Buffer.from(new Float32Array(256).fill(0.5).buffer).toString("base64") }],
  }),
  result("image", { data: [{ b64_json: png }, { url: "https://example.com/secret.png" }] }),
  refusal("bad-1", "context_length_exceeded", "It has 9000 tokens"),
  refusal("bad-2", "context_length_exceeded", "It has 12000 tokens"),
  refusal("bad-3", "context_length_exceeded", "No room is left"),
  JSON.stringify({
    custom_id: "late",
    response: null,
    error: { code: "batch_expired", message: "Too late" },
  }),
]);
const asked = ["late", "never", "bad-3", "bad-2", "bad-1", "image", "packed-vector", "vector", "json", "a"];
const input = text(asked.map((id) => line(id)));

const choose = async (page: Page, id: string) => {
  await page.locator(".error-row", { hasText: id }).first().click();
  await page.locator("h2.result-id").getByText(id, { exact: true }).waitFor();
};
const shown = (page: Page, words: string) =>
  page.locator(".shown-count").getByText(words, { exact: true }).waitFor();
const kinds = (page: Page) =>
  page
    .locator(".kind")
    .evaluateAll((all) => all.map((each) => [...each.children].map((part) => part.textContent)));

async function saved(page: Page, button: string): Promise<{ text: string; name: string }> {
  const coming = page.waitForEvent("download");
  await page.getByRole("button", { name: button }).click();
  const download = await coming;
  return { text: await readFile(await download.path(), "utf8"), name: download.suggestedFilename() };
}

for (const [how, files] of [
  ["as they stand", [output, input]],
  ["packed", [gzipSync(output), gzipSync(input)]],
] as const) {
  test(`an output and its input, ${how}, are joined by custom_id`, async () => {
    const given = [
      { name: "in.jsonl", content: files[1] },
      { name: "out.jsonl", content: files[0] },
    ];
    const { page, complaints } = await open(given);
    assert.equal(
      await textOf(page, ".verdict p"),
      "5 of 10 requests were answered, 4 failed, 1 without a result.",
    );
    await choose(page, "bad-2");
    await page.locator(".result-text", { hasText: "number bad-2" }).waitFor();
    assert.match(await textOf(page, ".line-error"), /It has 12000 tokens context_length_exceeded/);
    await choose(page, "never");
    await page.getByText("None of the files has a result for this request.").waitFor();
    assert.deepEqual(complaints, []);
  });
}

describe("An answer", () => {
  let page: Page;
  before(async () => {
    page = (await open([{ name: "out.jsonl", content: output }])).page;
  });

  test("of Markdown is shown as the text it is", async () => {
    await choose(page, "a");
    assert.equal(await textOf(page, ".result-text"), "# Title\n\n* **one**");
  });

  test("of JSON is laid out", async () => {
    await choose(page, "json");
    const rows = page.locator(".result-part .json .row");
    await rows.first().waitFor();
    assert.deepEqual(await rows.evaluateAll((all) => all.map((row) => row.textContent)), [
      "{",
      '"name": "x",',
      '"list": [',
      "1, 2",
      "]",
      "}",
    ]);
  });

  test("that is an embedding is its size and how it begins, as numbers or packed", async () => {
    await choose(page, "vector");
    assert.match(await textOf(page, ".result-text"), /^1536 numbers: 0, 0.25, 0.5, .*, …$/);
    await choose(page, "packed-vector");
    assert.match(await textOf(page, ".result-text"), /^256 numbers: 0.5, 0.5, .*, …$/);
  });

  test("with an image is drawn from the file, and one that lies elsewhere is never fetched", async () => {
    const calls: string[] = [];
    page.on("request", (request) => calls.push(request.url()));
    await choose(page, "image");
    const drawn = page.locator("canvas[role=img]");
    await drawn.waitFor();
    assert.equal(await drawn.getAttribute("aria-label"), "PNG, 1 × 1");
    assert.equal(await textOf(page, ".result-text"), "https://example.com/secret.png");
    assert.deepEqual(calls, []);
  });
});

test("errors are counted by code and by what they say, whatever numbers are in it", async () => {
  const { page } = await open([{ name: "out.jsonl", content: output }]);
  await page.locator(".kind", { hasText: "context_length_exceeded" }).click();
  await shown(page, "3 shown");
  assert.deepEqual(await kinds(page), [
    ["All", "9"],
    ["Answered", "5"],
    ["Failed", "4"],
    ["context_length_exceeded", "3"],
    ["It has … tokens", "2"],
    ["No room is left", "1"],
    ["batch_expired", "1"],
  ]);
  await page.locator(".kind", { hasText: "It has … tokens" }).click();
  await shown(page, "2 shown");
  await page.locator(".kind", { hasText: "Failed" }).click();
  await shown(page, "4 shown");
});

test("of several results of one request an answer counts, and else the last", async () => {
  const first = text([refusal("x", "overloaded", "once"), answer("y", "good"), refusal("z", "old", "first")]);
  const second = text([answer("x", "then"), refusal("y", "late", "no"), refusal("z", "new", "second")]);
  const { page } = await open([
    { name: "first.jsonl", content: first },
    { name: "second.jsonl", content: second },
  ]);
  assert.equal(await textOf(page, ".verdict p"), "2 of 3 requests were answered, 1 failed.");
  await page.locator(".kind", { hasText: "Replaced" }).click();
  await shown(page, "3 shown");
  await page.locator(".kind", { hasText: "new" }).click();
  await page.locator(".error-row", { hasText: "second" }).waitFor();
});

test("a text is found whatever its case and however JSON writes it", async () => {
  const escaped = answer("escaped", "Gruß").replace("ß", "\\u00df");
  const { page } = await open([
    { name: "out.jsonl", content: text([answer("a", 'He said "No"'), escaped, answer("c", "Gruß")]) },
  ]);
  const search = page.getByRole("searchbox");
  await search.fill('SAID "no"');
  await shown(page, "1 shown");
  await search.fill("gruß");
  await shown(page, "2 shown");
  await search.fill("nothing like it");
  await page.getByText("No result matches.").waitFor();
});

test("the usage is summed, by model too", async () => {
  const { page } = await open([
    {
      name: "out.jsonl",
      content: text([
        answer("a", "x", { prompt_tokens: 1000, completion_tokens: 24 }),
        answer("b", "x", { prompt_tokens: 1, completion_tokens: 1 }),
        result("c", { model: "other", output: [], usage: { input_tokens: 7, output_tokens: 3 } }),
      ]),
    },
  ]);
  await page.getByRole("tab", { name: "Usage" }).click();
  const facts = await page
    .locator(".facts > div")
    .evaluateAll((all) => all.map((each) => [...each.children].map((part) => part.textContent)));
  assert.deepEqual(Object.fromEntries(facts).Total, "1,036");
  const cards = page.locator(".card");
  assert.match(
    (await cards.nth(1).textContent()) ?? "",
    /echo-12 67%1,001 in, 25 out.*other1 33%7 in, 3 out/,
  );
  assert.match((await cards.nth(2).textContent()) ?? "", /2 to 31 33%.*1,024 to 2,0471 33%/);
});

describe("What can be taken away", () => {
  let page: Page;
  before(async () => {
    page = (
      await open([
        { name: "out.jsonl", content: output },
        { name: "in.jsonl", content: input },
      ])
    ).page;
  });

  test("is a table of what is shown", async () => {
    const { text: csv, name } = await saved(page, "Save as CSV");
    assert.equal(name, "out-results.csv");
    const rows = csv.split("\r\n");
    assert.equal(rows.length, 12);
    assert.match(rows[0] ?? "", /^custom_id,result,status_code,.*,answer,request$/);
    assert.match(csv, /a,answered,200,,,echo-1,10,5,"# Title\n\n\* \*\*one\*\*",number a\r\n/);
    assert.match(csv, /bad-1,failed,400,context_length_exceeded,It has 9000 tokens,,,,,number bad-1\r\n/);
    assert.match(csv, /never,no result,,,,,,,,number never\r\n/);
  });

  test("is each result with its request, byte for byte", async () => {
    const { text: joined, name } = await saved(page, "Save as joined JSONL");
    assert.equal(name, "out-joined.jsonl");
    const lines = joined.trimEnd().split("\n");
    assert.equal(lines.length, 10);
    assert.equal(lines[0], `{"custom_id":"a","request":${line("a")},"result":${output.split("\n")[0]}}`);
    assert.equal(lines[9], `{"custom_id":"never","request":${line("never")},"result":null}`);
  });

  test("is a new input of the lines without an answer, in the order of the input, or of some of them", async () => {
    const { text: all, name } = await saved(page, "Failed lines as a new input");
    assert.equal(name, "out-retry.jsonl");
    assert.equal(all, text(["late", "never", "bad-3", "bad-2", "bad-1"].map((id) => line(id))));
    await page.locator(".kind", { hasText: "batch_expired" }).click();
    await shown(page, "1 shown");
    const { text: some } = await saved(page, "Failed lines as a new input");
    assert.equal(some, text([line("late")]));
  });
});

test("a file of something else is refused in words", async () => {
  const { page } = await open([{ name: "notes.txt", content: "dear diary\n" }]);
  assert.match(await textOf(page, ".verdict p"), /^notes.txt is no output, error or input file of a batch/);
});

test("the results of parts are merged in the order of their inputs, one for each request", async () => {
  const lines = [answer("c", "third"), refusal("a", "busy", "not now"), answer("b", "second")];
  const again = answer("a", "first, after all");
  const { page } = await open([
    { name: "part-1.jsonl", content: text([line("a"), line("b")]) },
    { name: "part-2.jsonl", content: text([line("c"), line("never")]) },
    { name: "out-2.jsonl", content: text([lines[0] as string]) },
    { name: "out-1.jsonl", content: text(lines.slice(1)) },
    { name: "again.jsonl", content: text([again]) },
  ]);
  const merged = await saved(page, "Save results in input order");
  assert.equal(merged.name, "out-2-merged.jsonl");
  assert.equal(merged.text, text([again, lines[2] as string, lines[0] as string]));
});

describe("Many results", () => {
  const count = 150_000;
  let page: Page;
  before(async () => {
    const lines = Array.from(
      { length: count },
      (_, i) => `{"custom_id":"n${i}","response":{"status_code":200,"body":{}}}`,
    );
    page = (await open([{ name: "out.jsonl", content: lines.join("\n") }])).page;
  });
  const active = () => page.locator('.error-row[aria-selected="true"]');

  test("are a list of which only the rows in view are in the document, walked through by keys", async () => {
    const list = page.getByRole("listbox");
    await list.focus();
    await page.keyboard.press("End");
    await active()
      .filter({ hasText: `n${count - 1}` })
      .waitFor();
    assert.equal(await active().getAttribute("aria-posinset"), String(count));
    assert.equal(await list.getAttribute("aria-activedescendant"), await active().getAttribute("id"));
    await page.keyboard.press("PageUp");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Home");
    await active().filter({ hasText: "n0" }).waitFor();
    assert.ok((await page.locator(".error-row").count()) < 40);
  });

  test("move by the way of the wheel, though the list is higher than a browser's elements may be", async () => {
    const list = page.getByRole("listbox");
    await list.focus();
    await page.keyboard.press("End");
    await active()
      .filter({ hasText: `n${count - 1}` })
      .waitFor();
    await page.keyboard.press("Home");
    await active().filter({ hasText: "n0" }).waitFor();
    await list.hover();
    await page.mouse.wheel(0, 112);
    // The third row is at the top: two of 56 pixels are gone.
    await page.waitForFunction(() => {
      const box = document.querySelector(".error-list");
      const row = document.getElementById("result-2");
      if (!box || !row) return false;
      return Math.abs(row.getBoundingClientRect().top - box.getBoundingClientRect().top) < 3;
    });
  });
});

test("no text of a result is ever taken for HTML", async () => {
  const evil = '<img src=x onerror="globalThis.taken=1"><script>globalThis.taken=1</script>';
  const { page, complaints } = await open([
    { name: "out.jsonl", content: text([answer(evil, evil), refusal("b", evil, evil)]) },
    { name: "in.jsonl", content: text([line(evil, {}, { messages: [{ role: evil, content: evil }] })]) },
  ]);
  for (const row of [0, 1]) {
    await page.locator(".error-row").nth(row).click();
    await page.locator(".line-view", { hasText: "onerror" }).waitFor();
  }
  const found = await page.evaluate(() => [document.images.length, "taken" in globalThis]);
  assert.deepEqual(found, [0, false]);
  assert.deepEqual(complaints, []);
});
