// Time and memory of the page's results view: `node benches/results.mjs MEGABYTES…`, after a build. For each size it
// makes an output of lines of 1 KB and its input, both in another order, and opens them together.
import { createWriteStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { servedPage } from "../scripts/lib/page-server.mjs";
import { Failure, main, say } from "../scripts/lib/process.mjs";
import { chromiumPath } from "../scripts/setup/browsers.mjs";
import { renderer, watched } from "./renderer.mjs";

const LONG = 900_000;
const words = "the answer of a model is a text of some length, and this is one of them; ".repeat(8);

function resultLine(i) {
  const [custom_id, text] = [`request-${i}`, `${i}: ${words}`];
  if (i % 100 === 7) {
    const error = {
      code: "rate_limit_exceeded",
      message: `Rate limit reached for request ${i}`,
      type: "rate",
    };
    return { custom_id, response: { status_code: 429, request_id: `r${i}`, body: { error } }, error: null };
  }
  const choices = [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }];
  const usage = { prompt_tokens: 20, completion_tokens: 100 + (i % 900), total_tokens: 120 + (i % 900) };
  const body = { id: `c${i}`, object: "chat.completion", created: 1, model: "echo-1", choices, usage };
  return {
    id: `batch_req_${i}`,
    custom_id,
    response: { status_code: 200, request_id: `r${i}`, body },
    error: null,
  };
}

function requestLine(i) {
  const messages = [{ role: "user", content: `Number ${i}: say something of some length.` }];
  return {
    custom_id: `request-${i}`,
    method: "POST",
    url: "/v1/chat/completions",
    body: { model: "echo-1", messages },
  };
}

async function write(path, count, line) {
  const file = createWriteStream(path);
  for (let i = 0; i < count; i += 1000) {
    let group = "";
    for (let j = i; j < Math.min(count, i + 1000); j++) group += `${JSON.stringify(line(j))}\n`;
    if (!file.write(group)) await new Promise((next) => file.once("drain", next));
  }
  await new Promise((next) => file.end(next));
}

const inSeconds = ({ seconds, peak }) => `${seconds.toFixed(1)} s, renderer ${peak} MB at most`;

async function measure(browser, url, folder, megabytes) {
  const [output, input] = [join(folder, "output.jsonl"), join(folder, "input.jsonl")];
  const count = megabytes * 1000;
  await write(output, count, resultLine);
  await write(input, count, (i) => requestLine(count - 1 - i));
  const page = await browser.newPage();
  await page.goto(`${url}#/results`, { waitUntil: "networkidle" });
  const before = renderer();
  const size = (path) => (statSync(path).size / 1e6).toFixed(0);
  say(`output ${size(output)} MB of ${count} lines, input ${size(input)} MB; renderer ${before} MB before`);
  const end = page.locator(".verdict p", { hasText: "answered" });
  const read = await watched(async () => {
    await page.locator("input.results-input").setInputFiles([output, input]);
    await end.waitFor({ timeout: LONG });
  });
  say(`  read and joined in ${inSeconds(read)}: ${await end.textContent()}`);
  const list = page.getByRole("listbox");
  const rowOf = (i) => page.locator('[aria-selected="true"]', { hasText: `request-${i}` });
  await list.focus();
  const last = await watched(async () => {
    await page.keyboard.press("End");
    await rowOf(count - 1).waitFor();
    await page.locator(".result-text", { hasText: `${count - 1}: the` }).waitFor();
  });
  say(`  the last row shown in ${last.seconds.toFixed(2)} s`);
  const middle = await watched(async () => {
    await list.evaluate((box) => {
      box.scrollTop = box.scrollHeight / 2;
    });
    // The scroll bar is coarser than the rows.
    const near = new RegExp(`request-${String(count / 2).slice(0, -2)}`);
    await page.locator(".error-row", { hasText: near }).first().waitFor();
  });
  say(`  rows in the middle shown in ${middle.seconds.toFixed(2)} s`);
  const kind = (name) => page.locator(".kind", { hasText: name }).first();
  const shown = (text) =>
    page.locator(".shown-count").getByText(text, { exact: true }).waitFor({ timeout: LONG });
  const failed = await watched(async () => {
    await kind("Failed").click();
    await shown(`${(count / 100).toLocaleString("en")} shown`);
  });
  say(`  failed only in ${failed.seconds.toFixed(2)} s`);
  const save = async (name) => {
    const coming = page.waitForEvent("download", { timeout: LONG });
    await page.getByRole("button", { name }).click();
    await coming;
  };
  say(
    `  failed lines as a new input in ${inSeconds(await watched(() => save("Failed lines as a new input")))}`,
  );
  await kind("All").click();
  const found = await watched(async () => {
    await page.getByRole("searchbox").fill(`"request-${count - 2}"`);
    await shown("1 shown");
  });
  say(`  a search through all of it in ${inSeconds(found)}`);
  await page.getByRole("searchbox").fill("");
  await shown(`${count.toLocaleString("en")} shown`);
  for (const name of ["Save as CSV", "Save as joined JSONL"])
    say(`  ${name} in ${inSeconds(await watched(() => save(name)))}`);
  await page.close();
}

main(async () => {
  const sizes = process.argv.slice(2).map(Number);
  if (sizes.length === 0 || !sizes.every((size) => size > 0))
    throw new Failure("usage: node benches/results.mjs MEGABYTES…");
  const folder = mkdtempSync(join(tmpdir(), "edgebatch-results-"));
  const { server, url } = await servedPage();
  const executablePath = chromiumPath() ?? undefined;
  // A profile on disk, as the new files of 1 GB are more than a private window may keep.
  const args = ["--no-sandbox", "--disable-gpu"];
  const browser = await chromium.launchPersistentContext(join(folder, "profile"), { executablePath, args });
  try {
    for (const size of sizes) await measure(browser, url, folder, size);
  } finally {
    await browser.close();
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});
