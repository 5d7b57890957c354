/** The example for Deno, of the packed package, by the command of its README and with no more than the permissions in it. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ModelServer } from "../cli/server.ts";
import { installPacked } from "../packed.ts";
import { programs } from "../server/suite/runtimes.ts";
import { root, run } from "./projects.ts";

const [deno] = programs.deno;
const count = 2_000;
let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "edgebatch-deno-"));
  const installed = installPacked(folder);
  cpSync(join(installed, "examples/deno"), folder, { recursive: true });
  const line = (i: number) => {
    const body = { model: "m", messages: [{ role: "user", content: `${i}` }] };
    return `${JSON.stringify({ custom_id: `r${i}`, method: "POST", url: "/v1/chat/completions", body })}\n`;
  };
  writeFileSync(join(folder, "requests.jsonl"), Array.from({ length: count }, (_, i) => line(i)).join(""));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("is killed in the middle, goes on where it was, and prints every line once", async () => {
  const server = new ModelServer();
  server.latencyMs = 5;
  const url = new URL(await server.listen());
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  const [, words = ""] = /^deno (run [\s\S]*?) > results\.jsonl$/m.exec(readme) ?? [];
  const args = words.replaceAll("\\\n", " ").replaceAll("localhost:8000", url.host).split(/\s+/);
  assert.ok(args.includes("batch.ts"), readme);
  args.splice(1, 0, "--no-prompt", "--no-remote");
  const first = spawn(deno, args, { cwd: folder, stdio: ["ignore", "inherit", "ignore"] });
  const ended = new Promise((resolve) => first.once("close", (_, signal) => resolve(signal)));
  await server.reached(count / 2);
  first.kill("SIGKILL");
  assert.equal(await ended, "SIGKILL");
  const printed = (await run(deno, args, folder)).split("\n");
  assert.deepEqual(
    printed.map((line) => JSON.parse(line).custom_id),
    Array.from({ length: count }, (_, i) => `r${i}`),
  );
  const again = [...server.calls.values()].filter((calls) => calls > 1).length;
  assert.equal(server.calls.size, count);
  assert.ok(again < count / 2, `${again} calls were made again`);
  // Ended, it is printed again and nothing is called.
  const total = server.total;
  assert.deepEqual((await run(deno, args, folder)).split("\n"), printed);
  assert.equal(server.total, total);
});

test("has types that Deno's own fit", async () => {
  mkdirSync(join(folder, "node_modules/@types"), { recursive: true });
  for (const name of ["@types/node", "undici-types"])
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  await run(deno, ["check", "batch.ts"], folder);
});
