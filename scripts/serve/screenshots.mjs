// Makes the pictures of the page in docs/images, after a build: `node scripts/serve/screenshots.mjs`.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "../build.mjs";
import { root } from "../lib/env.mjs";
import { servedPage } from "../lib/page-server.mjs";
import { main, say } from "../lib/process.mjs";
import { chromium as findChromium } from "../setup/browsers.mjs";

const folder = join(root, "docs/images");

main(async () => {
  build();
  const executablePath = findChromium();
  const { chromium } = await import("playwright-core");
  const { server, url } = await servedPage();
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    mkdirSync(folder, { recursive: true });
    const pictures = [
      ["page-light.png", "light", 1180, 1080],
      ["page-dark.png", "dark", 1180, 1080],
      ["page-phone.png", "light", 390, 844],
    ];
    for (const [name, colorScheme, width, height] of pictures) {
      const page = await browser.newPage({
        colorScheme,
        reducedMotion: "reduce",
        viewport: { width, height },
      });
      await page.goto(url, { waitUntil: "networkidle" });
      await page.getByRole("button", { name: "Try an example" }).click();
      await page.getByText(/^Done in /).waitFor();
      if (width > 1000) {
        await page.locator(".error-row").nth(1).click();
        await page.locator(".row.marked").waitFor();
        await page.mouse.move(0, 0);
        await page.evaluate(() => scrollTo(0, 0));
      }
      await page.screenshot({ path: join(folder, name) });
      say(`docs/images/${name}`);
    }
  } finally {
    await browser.close();
    server.kill();
  }
});
