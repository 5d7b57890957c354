/** The packed package in Next.js, and in a Worker with a store of its own. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { createTestHarness } from "wrangler";
import { startBrowser } from "../page/browser.ts";
import { prepare, right, run, tool } from "./projects.ts";

let folder = "";
let browser: Browser;
before(async () => {
  ({ folder } = prepare("frameworks", "next", "workerd"));
  browser = await startBrowser();
});
after(() => browser?.close());

test("Next.js has it in a route on Node, in a component of the client, and on the edge", async () => {
  const cwd = join(folder, "next");
  const next = tool("next", "dist/bin/next");
  const env = { NEXT_TELEMETRY_DISABLED: "1" };
  await run(process.execPath, [next, "build"], cwd, env);
  const server = spawn(process.execPath, [next, "start", "--port", "0", "--hostname", "127.0.0.1"], {
    ...{ cwd, stdio: ["ignore", "pipe", "inherit"] },
    env: { ...process.env, ...env },
  });
  try {
    // It goes on printing: a pipe that nobody holds open would end it.
    const url = await new Promise<string>((resolve, reject) => {
      let printed = "";
      server.stdout.on("data", (part: Buffer) => {
        printed += part;
        const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(printed) ?? [];
        if (url !== undefined) resolve(url);
      });
      server.once("exit", () => reject(new Error(`Next.js ended: ${printed}`)));
    });
    for (const path of ["batch", "edge"]) {
      const response = await fetch(`${url}/api/${path}`);
      assert.deepEqual([response.status, await response.text()], [200, right], path);
    }
    const page = await browser.newPage();
    await page.goto(`${url}/`);
    await page.locator("output", { hasText: /./ }).waitFor();
    assert.equal(await page.textContent("output"), right);
  } finally {
    server.kill();
    await once(server, "exit");
  }
});

test("a Worker of one's own keeps its batches in a KV namespace", async () => {
  const server = createTestHarness({
    workers: [
      {
        config: {
          ...{ name: "own-kv", main: join(folder, "workerd/index.js"), compatibility_date: "2026-11-17" },
          kv_namespaces: [{ binding: "STORE", id: "store" }],
        },
      },
    ],
  });
  await server.listen();
  try {
    const response = await server.fetch("/");
    assert.deepEqual([response.status, await response.text()], [200, right]);
  } finally {
    await server.close();
  }
});
