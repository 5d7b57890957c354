/** What servers have besides batches, several of them in one tab, and those that leave out what they may. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { type Started, startServer } from "../server/suite/server.ts";
import { completion, reply, startUpstream, type Upstream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, until } from "../worker/server.ts";
import { checked, choose, line, openPage, startBrowser, textOf } from "./browser.ts";

let browser: Browser;
let upstream: Upstream;
let server: Started;
/** A server of another kind, which tells of batches no more than it must. */
let foreign: Server;
/** What a webhook was sent to. */
let site: Server;
const messages: string[] = [];
/** How many calls the model server may answer; the others wait. */
let permits = 0;

const addressOf = (of: Server) => `http://127.0.0.1:${(of.address() as AddressInfo).port}`;

const sparse = [
  { id: "batch_running", status: "in_progress", request_counts: { total: 5, completed: 2 } },
  { id: "batch_bare", object: "batch" },
  { id: "batch_odd", status: "thinking", created_at: "yesterday", metadata: { run: 7 }, errors: {} },
  { no: "batch" },
];

before(async () => {
  browser = await startBrowser();
  upstream = await startUpstream(async ({ content }, response) => {
    await until("a call is let through", () => permits > 0);
    permits--;
    reply(response, 200, completion(content));
  });
  foreign = createServer((request, response) => {
    const id = /^\/v1\/batches\/(\w+)$/.exec(request.url ?? "")?.[1];
    const found = id ? sparse.find((batch) => batch.id === id) : { data: sparse };
    const isKnown = request.url?.startsWith("/v1/batches") && found;
    response.writeHead(isKnown ? 200 : 404, { "access-control-allow-origin": "*" });
    response.end(JSON.stringify(isKnown ? found : {}));
  }).listen(0, "127.0.0.1");
  site = createServer(async (request, response) => {
    let body = "";
    for await (const text of request.setEncoding("utf8")) body += text;
    messages.push(body);
    response.writeHead(204).end();
  }).listen(0, "127.0.0.1");
  await Promise.all([once(foreign, "listening"), once(site, "listening")]);
  server = await startServer({ UPSTREAM_URL: upstream.url, WEBHOOK_ALLOW_PRIVATE: "1" });
});
after(async () => {
  permits = Number.POSITIVE_INFINITY;
  await browser?.close();
  foreign?.close();
  site?.close();
  await Promise.all([server?.stop(), upstream?.close()]);
});

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

async function connect(page: Page, address: string): Promise<void> {
  await page.getByLabel("Server address").fill(address);
  await button(page, "Connect").click();
}

async function opened(hash: string): Promise<Page> {
  const { page } = await openPage(browser, `${server.url}/#/batches`);
  await button(page, "Disconnect").waitFor();
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
  return page;
}

describe("A batch that runs", () => {
  test("is paused and resumed", async () => {
    const { id } = await createBatch(server.client, chatLines(6));
    const page = await opened(`#/batches/${id}`);
    await page.locator(".state.in_progress").waitFor({ timeout: 30_000 });
    await until("all of them are asked", () => upstream.inFlight === 6);
    await button(page, "Pause").click();
    await page.locator(".state", { hasText: "Paused" }).waitFor();
    assert.equal(typeof (await server.client.batches.retrieve(id)).in_progress_at, "number");
    assert.match(await textOf(page, ".timeline"), /Paused/);
    await button(page, "Resume").click();
    await page.locator(".state.in_progress").waitFor();
    permits = 6;
    await page.locator(".state.completed").waitFor({ timeout: 60_000 });
    assert.equal(upstream.times.length, 6, "each was asked once");
    assert.equal(await button(page, "Pause").count(), 0);
  });

  test("shows its results beside its requests as they come, those that are looked for too", async () => {
    permits = 0;
    const { id } = await createBatch(server.client, chatLines(8));
    const page = await opened(`#/batches/${id}`);
    await button(page, "Follow the results").click();
    const verdict = (words: RegExp) => page.locator(".verdict", { hasText: words }).waitFor();
    await verdict(/^0 of 8 results so far/);
    const kind = (name: string) => page.locator(".kind", { hasText: name }).locator(".kind-count");
    assert.equal(await kind("Still to come").textContent(), "8");
    await page.locator(".error-row").first().click();
    await page.getByText("Its result is still to come.").waitFor();
    assert.equal(await button(page, "Failed lines as a new input").isEnabled(), false);
    await page.locator(".kind", { hasText: "Answered" }).click();
    await page.locator(".shown-count", { hasText: "0 shown" }).waitFor();

    permits = 3;
    await verdict(/^3 of 8 results so far: 3 answered, 0 failed/);
    await page.locator(".shown-count", { hasText: "3 shown" }).waitFor();
    await page.locator(".error-row", { hasText: "200" }).first().click();
    await page.locator(".result-text").first().waitFor();
    await page.getByRole("searchbox").fill("response");
    await page.locator(".shown-count", { hasText: "3 shown" }).waitFor();

    permits = Number.POSITIVE_INFINITY;
    await verdict(/^All 8 requests were answered/);
    await page.locator(".shown-count", { hasText: "8 shown" }).waitFor();
    assert.equal(await page.locator(".kind", { hasText: "Still to come" }).count(), 0);
    const coming = page.waitForEvent("download");
    await page.getByRole("searchbox").fill("");
    await page.locator(".kind", { hasText: "All" }).click();
    await button(page, "Save results in input order").click();
    const ids = (await (await coming).createReadStream()).setEncoding("utf8");
    let text = "";
    for await (const part of ids) text += part;
    const batch = await ended(server.client, id);
    const output = await (await server.client.files.content(batch.output_file_id ?? "")).text();
    assert.equal(text, output, "as the output file has them");
  });
});

test("Webhooks are added, tried out and deleted", async () => {
  const page = await opened("#/batches");
  await page.getByRole("link", { name: "Webhooks" }).click();
  await page.getByText("No webhooks yet.").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("results");
  await page.getByLabel("expired").uncheck();
  await page.getByLabel("Address").fill(`${addressOf(site)}/hook`);
  await button(page, "Add").click();
  assert.match(await textOf(page, ".webhooks .notice code"), /^whsec_/);
  const [made] = (await server.client.webhooks.list()).data;
  assert.deepEqual(made?.event_types, ["batch.completed", "batch.failed", "batch.cancelled"]);
  await button(page, "Test results").click();
  await page.getByText("The example was answered with status 204.").waitFor();
  assert.match(messages[0] ?? "", /"batch\.completed"/);
  await button(page, "Delete results").click();
  await button(page, "No, keep it").click();
  await button(page, "Delete results").click();
  await button(page, "Yes, delete it").click();
  await page.getByText("No webhooks yet.").waitFor();
  assert.deepEqual((await server.client.webhooks.list()).data, []);
});

test("Several servers are remembered in their tab, each until it is disconnected", async () => {
  const page = await opened("#/batches");
  const other = addressOf(foreign);
  await button(page, "Another server").click();
  await connect(page, other);
  await page.getByText("batch_running").waitFor();
  await page.getByLabel("Server", { exact: true }).selectOption(`${server.url}/v1`);
  await page.getByText("batch_running").waitFor({ state: "detached" });
  await page.reload();
  await page.getByLabel("Server", { exact: true }).waitFor();
  assert.equal(await page.getByLabel("Server", { exact: true }).inputValue(), `${server.url}/v1`);
  await button(page, "Disconnect").click();
  await button(page, `${other}/v1`).click();
  await page.getByText("batch_running").waitFor();
  assert.equal(await page.getByLabel("Server", { exact: true }).count(), 0);
  assert.equal(await page.getByRole("link", { name: "Webhooks" }).count(), 0);
});

test("A server that leaves out what it may is shown without it", async () => {
  const page = await opened("#/batches");
  const failures: string[] = [];
  page.on("pageerror", (error) => failures.push(String(error)));
  await button(page, "Another server").click();
  await connect(page, addressOf(foreign));
  await page.locator(".batches li").nth(2).waitFor();
  assert.equal(await page.locator(".batches li").count(), 3);
  for (const [id, state] of [
    ["batch_running", "In progress"],
    ["batch_bare", "unknown"],
    ["batch_odd", "thinking"],
  ] as const) {
    await page.getByRole("link", { name: id }).click();
    await page.locator(".view-head .state", { hasText: state }).waitFor();
    await page.getByRole("heading", { name: "Files" }).waitFor();
    await page.getByRole("link", { name: "All batches" }).click();
  }
  assert.equal(await button(page, "Pause").count(), 0);
  assert.deepEqual(failures, []);
});

test("A cap in tokens that a server knows nothing of is refused before anything is sent to it", async () => {
  const { page } = await openPage(browser, `${server.url}/`);
  await choose(page, line("a"));
  await checked(page);
  await page.getByLabel("Stop after").fill("5000");
  await page.getByRole("link", { name: "Batches" }).click();
  await button(page, "Another server").click();
  await connect(page, addressOf(foreign));
  await button(page, "Disconnect").waitFor();
  await page.getByRole("link", { name: "Check a file" }).first().click();
  const sent: string[] = [];
  page.on("request", (request) => request.method() === "POST" && sent.push(request.url()));
  await button(page, "Upload and create a batch").click();
  await page.getByRole("alert").filter({ hasText: "cannot stop a batch" }).waitFor();
  assert.equal(await page.getByLabel("Stop after").count(), 0);
  assert.deepEqual(sent, []);
  // Once it is known that there is none, it is created without.
  await button(page, "Upload and create a batch").click();
  await until("it is uploaded", () => sent.length > 0);
});

test("A word that is no address is said to be none, and called by no one", async () => {
  const page = await opened("#/batches");
  await button(page, "Another server").click();
  const calls: string[] = [];
  page.on("request", (request) => calls.push(request.url()));
  await connect(page, "notaurl");
  await page.getByText("This is not an address.").waitFor();
  assert.deepEqual(calls, []);
});
