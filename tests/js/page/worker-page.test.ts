/** The page as the Worker serves it: at its own address, beside its API. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { startWorker } from "../worker/server.ts";
import { checked, choose, line, openPage, startBrowser } from "./browser.ts";

const KEY = "sk-the-key-of-this-test";

test("the Worker serves the page itself, beside its API", async () => {
  const sha256 = createHash("sha256").update(KEY).digest("hex");
  const [browser, worker] = await Promise.all([
    startBrowser(),
    startWorker({ API_KEYS: `tester:${sha256}` }),
  ]);
  after(() => Promise.all([browser.close(), worker.stop()]));
  const button = (name: string) => page.getByRole("button", { name, exact: true });
  const { page, complaints } = await openPage(browser, `${worker.url}/`);
  await choose(page, line("a"));
  await checked(page);
  await button("Upload and create a batch").click();
  await page.getByLabel("Key").fill(KEY);
  await button("Connect").click();
  await page.locator(".state.completed").waitFor({ timeout: 60_000 });
  // That its own server asks for a key it knows from its refusal.
  assert.equal(complaints.filter((each) => !each.includes("status of 401")).join(), "");
  const answers = await Promise.all(
    ["/", "/health", "/v1/models", "/nothing"].map(async (path) => {
      const answer = await fetch(worker.url + path);
      return [
        answer.status,
        answer.headers.get("content-type")?.split(";")[0],
        answer.headers.has("content-security-policy"),
      ];
    }),
  );
  assert.deepEqual(answers, [
    [200, "text/html", true],
    [200, "application/json", false],
    [401, "application/json", false],
    [404, "application/json", false],
  ]);
});
