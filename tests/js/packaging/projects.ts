/** The small projects of tests/packaging, beside the packed package as npm would have installed it. */

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Browser } from "playwright-core";
import { installPacked } from "../packed.ts";

export const root = resolve(import.meta.dirname, "../../..");
const sources = join(root, "tests/packaging");

/** What a project prints, or answers, whose batch ran and whose check found what is wrong. */
export const right = "completed 1 2 invalid_json_line 2";

/** Copies of some projects, in a folder of their own below those of their tools. */
export function prepare(name: string, ...projects: string[]): { folder: string; installed: string } {
  const folder = join(sources, ".work", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const project of ["common", ...projects])
    cpSync(join(sources, project), join(folder, project), { recursive: true });
  return { folder, installed: installPacked(folder) };
}

/** The program of a tool. */
export const tool = (name: string, bin: string) => join(sources, "node_modules", name, bin);

const execute = promisify(execFile);

/** Runs a program; gives what it printed, and throws all of that where it fails. */
export async function run(
  program: string,
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  try {
    const { stdout } = await execute(program, args, { cwd, env: { ...process.env, ...env }, maxBuffer: 1e8 });
    return stdout.trim();
  } catch (error) {
    const { stdout, stderr, message } = error as { stdout?: string; stderr?: string; message: string };
    throw new Error(`${message}\n${stdout}\n${stderr}`);
  }
}

const types: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** A folder, served until it is closed. Of one without a page, a page of a script. */
export async function serveFolder(
  folder: string,
  script?: { src: string; type: string },
): Promise<{ url: string; close(): void }> {
  const server: Server = createServer((request, response) => {
    const path = join(folder, new URL(request.url ?? "/", "http://x").pathname);
    if (request.url === "/" && script)
      response
        .setHeader("content-type", "text/html")
        .end(`<!doctype html><title>t</title><script type="${script.type}" src="${script.src}"></script>`);
    else
      try {
        const file = statSync(path).isDirectory() ? join(path, "index.html") : path;
        response
          .setHeader("content-type", types[extname(file)] ?? "application/octet-stream")
          .end(readFileSync(file));
      } catch {
        response.writeHead(404).end();
      }
  });
  await new Promise<void>((next) => server.listen(0, "127.0.0.1", next));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close };
}

/** What `globalThis.answer` of a page comes to, which a folder is served as. Of a folder without one, a page of a script. */
export async function answerOf(
  browser: Browser,
  folder: string,
  script?: { src: string; type: string },
): Promise<unknown> {
  const { url, close } = await serveFolder(folder, script);
  try {
    return await answerAt(browser, url);
  } finally {
    close();
  }
}

/** The same of a page at an address. */
export async function answerAt(browser: Browser, url: string): Promise<unknown> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  try {
    await page.goto(url);
    const handle = await page.waitForFunction(() => (globalThis as { answer?: Promise<unknown> }).answer);
    return await handle.evaluate((answer) => answer);
  } catch (error) {
    throw new Error([String(error), ...errors].join("\n"));
  } finally {
    await page.close();
  }
}

/** The one file of a folder with an ending. */
export function only(folder: string, ending: string): string {
  const [found, ...others] = readdirSync(folder).filter((name) => name.endsWith(ending));
  if (found === undefined || others.length > 0) throw new Error(`${folder} has ${[found, ...others]}`);
  return join(folder, found);
}
