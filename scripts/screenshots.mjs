// Makes the pictures of the page in docs/images, after a build: `node scripts/screenshots.mjs`.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { chromium as findChromium } from "./chromium.mjs";
import { main, node, root, say } from "./lib.mjs";

const folder = join(root, "docs/images");

main(async () => {
  build();
  const executablePath = findChromium();
  const { chromium } = await import("playwright-core");
  const server = spawn(node, ["scripts/page.mjs", "--built"], {
    cwd: root,
    env: { ...process.env, HOST: "127.0.0.1", PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise((found) => {
    server.stdout.on("data", (text) => found(/http:\S+/.exec(String(text))?.[0]));
  });
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    mkdirSync(folder, { recursive: true });
    const pictures = [
      ["page-light.png", "light", 1180, 1080],
      ["page-dark.png", "dark", 1180, 1080],
      ["page-phone.png", "light", 390, 844],
    ];
    for (const [name, colorScheme, width, height] of pictures) {
      const page = await browser.newPage({ colorScheme, viewport: { width, height } });
      await page.goto(url, { waitUntil: "networkidle" });
      await page.getByRole("button", { name: "Try an example" }).click();
      await page.getByText(/^All read/).waitFor();
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
