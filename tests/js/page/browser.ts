/** Real Chromium on the real page, served as `npm run page` serves it. A browser that is missing fails the tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { after, before } from "node:test";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { chromiumPath } from "../../../scripts/setup/browsers.mjs";

const root = resolve(import.meta.dirname, "../../..");

/** The path of Chromium. */
export function browserPath(): string {
  const path = chromiumPath();
  if (path !== null) return path;
  throw new Error("there is no Chromium: `node scripts/setup.mjs` installs one, or set CHROMIUM to its path");
}

/** What it is started with. */
export const switches = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--enable-precise-memory-info",
];

/** Starts Chromium. */
export async function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: browserPath(), args: switches });
}

export interface PageServer {
  url: string;
  stop(): Promise<void>;
}

/** Serves the page by itself. */
export async function startPageServer(): Promise<PageServer> {
  // A server that nobody stops would keep the tests from ending.
  browserPath();
  const { PATH = "", HOME = "" } = process.env;
  const child: ChildProcess = spawn(process.execPath, ["scripts/serve/page.mjs", "--built"], {
    cwd: root,
    env: { PATH, HOME, HOST: "127.0.0.1", PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise<string>((found, failed) => {
    let printed = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
      const address = /(http:\S+)/.exec(printed)?.[1];
      if (address) found(address);
    });
    child.once("exit", () => failed(new Error(`the page's server did not start: ${printed}`)));
  });
  return {
    url,
    stop: async () => {
      const ended = new Promise((next) => child.once("exit", next));
      child.kill();
      await ended;
    },
  };
}

/** Chromium, and the page served by itself. */
export interface Stage {
  readonly browser: Browser;
  readonly url: string;
  /** As {@link openPage}, at a place of the page. */
  open(options?: BrowserContextOptions, hash?: string): Promise<Opened>;
}

/** A stage from before the tests of a file to after them. */
export function setStage(): Stage {
  let [browser, server]: [Browser?, PageServer?] = [];
  const stage = {} as Stage & { browser: Browser; url: string };
  stage.open = (options, hash = "") => openPage(stage.browser, stage.url + hash, options);
  before(async () => {
    [browser, server] = await Promise.all([startBrowser(), startPageServer()]);
    Object.assign(stage, { browser, url: server.url });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  return stage;
}

/** What a page complained about. Tests that expect none assert that this stays empty. */
export interface Opened {
  page: Page;
  complaints: string[];
}

/** Opens the page in a context of its own, with the core loaded. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const context = await browser.newContext({
    ...{ viewport: { width: 1280, height: 900 } },
    // It would answer for a server that a test has stopped or changed.
    serviceWorkers: "block",
    ...options,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.text() === "Service Worker registration blocked by Playwright") return;
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url, { waitUntil: "networkidle" });
  return { page, complaints };
}

export interface LineParts {
  custom_id?: unknown;
  method?: unknown;
  url?: unknown;
  body?: unknown;
}

/** A good line, apart from what is given otherwise. */
export function line(id: string, parts: LineParts = {}, body: object = {}): string {
  return JSON.stringify({
    ...{ custom_id: id, method: "POST", url: "/v1/chat/completions" },
    body: { model: "echo-1", messages: [{ role: "user", content: `number ${id}` }], ...body },
    ...parts,
  });
}

/** Gives the page a file as the file dialog would. */
export async function choose(page: Page, content: string | Buffer, name = "requests.jsonl"): Promise<void> {
  const buffer = typeof content === "string" ? Buffer.from(content) : content;
  const file = { name, mimeType: "application/octet-stream", buffer };
  await page.locator("input[type=file]").first().setInputFiles(file);
}

/** Waits until the file is read to its end. */
export async function checked(page: Page): Promise<void> {
  await page.getByText(/^Done in /).waitFor({ timeout: 120_000 });
}

/** What stands in the one place that a selector finds. */
export async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).textContent()) ?? "";
}

/** The verdict that stands on the page. */
export function verdict(page: Page): Promise<string> {
  return textOf(page, ".verdict p");
}
