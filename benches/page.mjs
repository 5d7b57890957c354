// Time and memory of the page while it checks a file, writes its good lines and repairs it: `node benches/page.mjs FILE…`, after
// a build. Chromium runs headless; memory is the proportional set size of its renderer (Linux only).
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { servedPage } from "../scripts/lib/page-server.mjs";
import { Failure, main, say } from "../scripts/lib/process.mjs";
import { chromiumPath } from "../scripts/setup/browsers.mjs";
import { renderer, watched } from "./renderer.mjs";

async function measure(browser, url, file) {
  const page = await browser.newPage();
  await page.goto(url, { waitUntil: "networkidle" });
  await page.getByText("Limits and more").click();
  await page.getByLabel("Max requests").fill("100000000");
  await page.getByLabel("Max size (MiB)").fill("100000");
  const before = renderer();
  // The longest the page's own thread was busy at a stretch: how long a click may have waited.
  await page.evaluate(() => {
    globalThis.longest = 0;
    let last = performance.now();
    const tick = () => {
      const now = performance.now();
      globalThis.longest = Math.max(globalThis.longest, now - last);
      last = now;
      setTimeout(tick, 0);
    };
    tick();
  });
  const checked = await watched(async () => {
    await page.locator("input[type=file]").setInputFiles(file);
    await page.getByText(/^Done in /).waitFor({ timeout: 600_000 });
  });
  const size = statSync(file).size / 1e6;
  const longest = Math.round(await page.evaluate(() => globalThis.longest));
  say(`${basename(file)}, ${size.toFixed(0)} MB: ${await page.locator(".verdict p").textContent()}`);
  say(`  checked in ${checked.seconds.toFixed(1)} s, ${(size / checked.seconds).toFixed(0)} MB/s`);
  say(`  renderer ${before} MB before, ${checked.peak} MB at most; page busy ${longest} ms at most`);
  const good = page.getByRole("button", { name: "Good lines as a new file" });
  if (await good.isEnabled()) {
    const written = await watched(async () => {
      const coming = page.waitForEvent("download", { timeout: 600_000 });
      await good.click();
      await coming;
    });
    say(`  good lines written in ${written.seconds.toFixed(1)} s, renderer ${written.peak} MB at most`);
  }
  const repair = page.getByRole("button", { name: "Make a repaired copy" });
  // What can be repaired is known only after it was looked for, once the check was over.
  if (!(await page.locator(".verdict.good").isVisible())) await repair.waitFor({ timeout: 600_000 });
  if (await repair.isVisible()) {
    const repaired = await watched(async () => {
      await repair.click();
      const failure = page.getByRole("alert");
      await page.getByText("This is the repaired copy of").or(failure).waitFor({ timeout: 600_000 });
      if (await failure.isVisible()) throw new Failure(`${await failure.textContent()}`);
    });
    say(`  repaired in ${repaired.seconds.toFixed(1)} s, renderer ${repaired.peak} MB at most`);
    await page.getByText(/^Done in /).waitFor({ timeout: 600_000 });
    say(`  then: ${await page.locator(".verdict p").textContent()}`);
  }
  await page.close();
}

main(async () => {
  const files = process.argv.slice(2);
  if (files.length === 0) throw new Failure("usage: node benches/page.mjs FILE…");
  const { server, url } = await servedPage();
  const executablePath = chromiumPath() ?? undefined;
  try {
    for (const file of files) {
      // A private window would keep its files in memory, and has no room for two of a gigabyte.
      const folder = mkdtempSync(join(tmpdir(), "edgebatch-page-"));
      const args = ["--no-sandbox", "--disable-gpu"];
      const browser = await chromium.launchPersistentContext(folder, { executablePath, args });
      try {
        await measure(browser, url, resolve(file));
      } finally {
        await browser.close();
        rmSync(folder, { recursive: true, force: true });
      }
    }
  } finally {
    server.kill();
  }
});
