/** Guards that the page can be installed, and works without a network once it was opened. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checked, choose, line, setStage, verdict } from "./browser.ts";

const stage = setStage();

test("a page that was opened once opens and checks files without a network", async () => {
  const { page, complaints } = await stage.open({ serviceWorkers: "allow" });
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await page.context().setOffline(true);
  await page.reload();
  await choose(page, `${line("a")}\nbroken`);
  await checked(page);
  assert.match(await verdict(page), /1/);
  // No call to a server is answered from what is kept.
  await assert.rejects(page.evaluate(() => fetch("/v1/batches").then((answer) => answer.text())));
  assert.deepEqual(
    complaints.filter((each) => !each.includes("ERR_INTERNET_DISCONNECTED")),
    [],
  );
});

test("its manifest names an icon and a start that are there, and its worker may run no other script", async () => {
  const manifest = await fetch(new URL("manifest.webmanifest", stage.url));
  assert.match(manifest.headers.get("content-type") ?? "", /manifest\+json/);
  const { start_url, icons } = (await manifest.json()) as { start_url: string; icons: { src: string }[] };
  for (const path of [start_url, ...icons.map(({ src }) => src)])
    assert.equal((await fetch(new URL(path, stage.url))).status, 200, path);
  const worker = await fetch(new URL("offline.js", stage.url));
  assert.equal(worker.headers.get("content-security-policy"), "default-src 'none'; connect-src 'self'");
});
