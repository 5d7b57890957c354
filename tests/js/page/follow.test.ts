/** The results of a batch that runs, as they come. */
import { test } from "node:test";
import { line, setStage } from "./browser.ts";
import { answer, refusal, text } from "./result-lines.ts";

const stage = setStage();

test("a batch that runs is followed to its end, also where its server is away for a while", async () => {
  const { page } = await stage.open();
  const batch = {
    ...{ id: "batch_1", object: "batch", status: "in_progress", endpoint: "/v1/chat/completions" },
    ...{
      input_file_id: "file-in",
      request_counts: { total: 3, completed: 1, failed: 1 },
      created_at: 1,
      expires_at: null,
    },
  };
  const pages = new Map([
    ["", answer("a", "the first")],
    ["one", refusal("b", "busy", "not now")],
    ["two", ""],
    ["three", answer("c", "the last")],
  ]);
  /** What the server does when it is asked what comes after the second result. */
  let now: "nothing" | "away" | "last" = "nothing";
  await page.route("**/v1/**", async (route) => {
    const url = new URL(route.request().url());
    if (url.pathname.endsWith("/content"))
      return route.fulfill({ body: text([line("a"), line("b"), line("c")]) });
    if (url.pathname.endsWith("/webhook_event_types"))
      return route.fulfill({ json: { data: ["batch.completed"] } });
    if (!url.pathname.endsWith("/results")) return route.fulfill({ json: batch });
    const after = url.searchParams.get("after") ?? "";
    if (after === "two" && now === "away")
      return route.fulfill({ status: 503, json: { error: { message: "Come back later." } } });
    const isLast = after === "two" && now === "last";
    const headers = { "x-incomplete": String(!isLast), "x-last-line": after === "" ? "one" : "two" };
    return route.fulfill({ headers, body: `${pages.get(isLast ? "three" : after)}\n`.trimStart() });
  });
  await page.evaluate((base) => {
    sessionStorage.setItem(
      "edgebatch-connection",
      JSON.stringify({ current: base, others: [{ base, key: "" }] }),
    );
  }, new URL("/v1", stage.url).href);
  await page.goto(new URL("#/batches/batch_1", stage.url).href);
  await page.reload();
  await page.getByRole("button", { name: "Follow the results" }).click();
  const verdict = (hasText: RegExp) => page.locator(".verdict p", { hasText }).waitFor();
  await verdict(/^2 of 3 results so far: 1 answered, 1 failed/);
  await page.locator(".error-row", { hasText: "not now" }).waitFor();
  now = "away";
  await verdict(/^2 of 3 results so far.* Come back later\.$/);
  now = "last";
  await verdict(/^2 of 3 requests were answered, 1 failed\.$/);
  await page.locator(".error-row", { hasText: "the last" }).waitFor();
  // More files can be added, and what came is still there.
  await page
    .locator("input.results-input")
    .setInputFiles([{ name: "more.jsonl", mimeType: "", buffer: Buffer.from(answer("b", "after all")) }]);
  await verdict(/^All 3 requests were answered\.$/);
  await page.context().close();
});
