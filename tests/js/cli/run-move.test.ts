/** Guards moves of what `edgebatch run` has under way: to another run, to a server, and back, and every line is asked once. */

import { strict as assert } from "node:assert";
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { startServer } from "../server/suite/server.ts";
import { edgebatch, folder, line, start } from "./command.ts";
import { ModelServer } from "./server.ts";

const at = folder();
const REQUESTS = 80;
const input = Array.from({ length: REQUESTS }, (_, i) => line(`r${i}`, `say ${i}`)).join("");

/** A run that was stopped after some answers. */
async function stopped() {
  const model = new ModelServer();
  const url = await model.listen();
  model.latencyMs = 20;
  const cwd = mkdtempSync(join(at, "run-"));
  writeFileSync(join(cwd, "in.jsonl"), input);
  const { child, ended } = start(["run", "in.jsonl", "--url", url, "--concurrency", "2"], { cwd });
  await model.reached(20);
  child.kill("SIGINT");
  const { status, stderr } = await ended;
  assert.equal(status, 130, stderr);
  model.latencyMs = 0;
  return { model, url, cwd };
}

/** Runs a command that has to succeed. */
async function good(args: string[], cwd: string) {
  const ended = await edgebatch(args, { cwd });
  assert.equal(ended.status, 0, `${args.join(" ")}: ${ended.stderr}`);
  return ended;
}

async function refused(args: string[], cwd: string, message: RegExp) {
  const { status, stderr } = await edgebatch(args, { cwd });
  assert.equal(status, 2, `${args.join(" ")}: ${stderr}`);
  assert.match(stderr, message);
}

function complete(path: string, model: ModelServer) {
  const ids = readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).custom_id);
  assert.deepEqual(
    ids,
    Array.from({ length: REQUESTS }, (_, i) => `r${i}`),
  );
  assert.equal(model.total, REQUESTS, "calls");
}

test("a run goes to another folder, where it goes on, and is not run by both", async () => {
  const { model, url, cwd } = await stopped();
  await good(["export", "--run", "in.jsonl", "--out", "moving"], cwd);
  // The same again, as where the first was lost.
  await good(["export", "--run", "in.jsonl", "--out", "moving.again"], cwd);
  assert.deepEqual(readFileSync(join(cwd, "moving")), readFileSync(join(cwd, "moving.again")));
  await refused(["run", "in.jsonl", "--url", url], cwd, /exported for another host/);
  const there = mkdtempSync(join(at, "there-"));
  writeFileSync(join(there, "cut"), readFileSync(join(cwd, "moving")).subarray(0, 5_000));
  await refused(["import", "cut", "--run", "in.jsonl"], there, /./);
  assert.deepEqual(readdirSync(there), ["cut"]);
  const { stdout } = await good(["import", join(cwd, "moving"), "--run", "in.jsonl", "--json"], there);
  assert.equal(readFileSync(join(there, "in.jsonl"), "utf8"), input);
  await refused(["import", join(cwd, "moving"), "--run", "in.jsonl"], there, /an unfinished run/);
  await good(["export", "--run", "in.jsonl", "--settled", JSON.parse(stdout).fence], cwd);
  await refused(["run", "in.jsonl", "--url", url], cwd, /was moved to another host/);
  await refused(["export", "--run", "in.jsonl", "--out", "x"], cwd, /was moved to another host/);
  await good(["run", "in.jsonl", "--url", url], there);
  complete(join(there, "in.output.jsonl"), model);
  assert.equal(existsSync(join(there, ".edgebatch")), false);
});

test("a run goes to a server and comes back as a run", async () => {
  const { model, url, cwd } = await stopped();
  const server = await startServer({ UPSTREAM_URL: url.replace(/\/v1$/, ""), MAX_CONCURRENT_REQUESTS: "2" });
  after(() => server.stop());
  const to = ["--url", `${server.url}/v1`, "--key", String(server.client.apiKey)];
  // It is not to be done before it goes back, however long the commands between take.
  model.latencyMs = 250;
  await good(["export", "--run", "in.jsonl", "--out", "moving"], cwd);
  const { batch, fence } = JSON.parse((await good(["import", "moving", "--json", ...to], cwd)).stdout);
  await model.reached(30);
  model.latencyMs = 3_000;
  await good(["export", "--run", "in.jsonl", "--settled", fence], cwd);
  await good(["export", batch.id, "--out", "back", ...to], cwd);
  model.latencyMs = 0;
  const came = await good(["import", "back", "--run", "back.jsonl", "--json"], cwd);
  await good(["export", batch.id, "--settled", JSON.parse(came.stdout).fence, ...to], cwd);
  await good(["run", "back.jsonl", "--url", url], cwd);
  complete(join(cwd, "back.output.jsonl"), model);
});

test("an import that is killed is done again, from whichever of its steps", async () => {
  const { model, url, cwd } = await stopped();
  await good(["export", "--run", "in.jsonl", "--out", "moving"], cwd);
  const there = mkdtempSync(join(at, "killed-"));
  const stream = readFileSync(join(cwd, "moving"));
  const { child, ended } = start(["import", "-", "--run", "in.jsonl"], { cwd: there, stdin: "pipe" });
  child.stdin?.write(stream.subarray(0, stream.length >> 1));
  const database = join(there, ".edgebatch/in.jsonl/batch.db");
  while (!existsSync(database)) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill("SIGKILL");
  await ended;
  await good(["import", join(cwd, "moving"), "--run", "in.jsonl"], there);
  // As it is left just before the input has its name.
  renameSync(join(there, "in.jsonl"), join(there, ".edgebatch/in.jsonl/input.jsonl"));
  await good(["import", join(cwd, "moving"), "--run", "in.jsonl"], there);
  await good(["run", "in.jsonl", "--url", url], there);
  complete(join(there, "in.output.jsonl"), model);
});

test("a run that was exported and taken back goes on where it was", async () => {
  const { model, url, cwd } = await stopped();
  await good(["export", "--run", "in.jsonl", "--out", "moving"], cwd);
  await refused(["export", "--run", "in.jsonl", "--take-back"], cwd, /--force says that none has/);
  await good(["export", "--run", "in.jsonl", "--take-back", "--force"], cwd);
  await refused(["export", "--run", "in.jsonl", "--settled", "00c3e8a4d1b29f57"], cwd, /./);
  await good(["run", "in.jsonl", "--url", url], cwd);
  complete(join(cwd, "in.output.jsonl"), model);
});

test("what is no run is refused, and nothing is made of it", async () => {
  const cwd = mkdtempSync(join(at, "none-"));
  await refused(["export", "--run", "in.jsonl", "--out", "x"], cwd, /no unfinished run of in.jsonl/);
  await refused(["export", "--out", "x"], cwd, /the id of a batch, or --run FILE/);
  assert.deepEqual(readdirSync(cwd), []);
});
