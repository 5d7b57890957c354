/**
 * `node benches/machines.ts`: requests a second of `edgebatch serve` over Postgres and S3, by one process, two and three, beside one
 * over SQLite and a folder, in turns on the same machine: batches of instant answers, from the first creation to the last end.
 * The database, the S3 (moto, in Python), the model server and the processes share the processors. Prints one JSON object.
 * `--requests 12000 --batches 6 --rounds 3 --in-flight 50`, for each process.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Postgres } from "../tests/js/machines/postgres.ts";
import { credentials, S3Server } from "../tests/js/machines/s3.ts";

const number = (text: string) => ({ type: "string", default: text }) as const;
const { values } = parseArgs({
  options: {
    requests: number("12000"),
    batches: number("6"),
    rounds: number("3"),
    "in-flight": number("50"),
    latency: number("0"),
  },
});
const [requests, batches, rounds] = [values.requests, values.batches, values.rounds].map(Number) as [
  number,
  number,
  number,
];
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const endpoint = "/v1/chat/completions";
const content = "Say what the file holds, line by line. ".repeat(48);
const line = (n: number) =>
  JSON.stringify({
    ...{ custom_id: `request-${n}`, method: "POST", url: endpoint },
    body: { model: "m", messages: [{ role: "user", content }] },
  });
const input = Array.from({ length: requests / batches }, (_, n) => `${line(n)}\n`).join("");

const children = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

function start(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...env },
  });
  children.add(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const stop = async () => {
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGTERM");
    await ended;
    children.delete(child);
  };
  return { line: async () => String((await lines.next()).value), stop };
}

async function called(url: string, init?: RequestInit): Promise<{ id: string; status: string }> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as { id: string; status: string };
}

async function measure(model: string, count: number, state: string[]): Promise<number> {
  // It is that of all processes together.
  const inFlight = `${Number(values["in-flight"]) * count}`;
  const options = ["--url", model, "--concurrency", inFlight, "--batches", `${batches}`];
  const env = {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
  const main = here("../dist/cli/main.js");
  const servers = Array.from({ length: count }, () =>
    start([main, "serve", "--port", "0", ...options, ...state], env),
  );
  const urls: string[] = [];
  for (const server of servers)
    urls.push(/http:\S+/.exec(await server.line())?.[0].replace(",", "") as string);
  const [url = ""] = urls;
  const form = new FormData();
  form.set("purpose", "batch");
  form.set("file", new Blob([input]), "input.jsonl");
  const file = await called(`${url}/files`, { method: "POST", body: form });
  const began = performance.now();
  const created = Array.from({ length: batches }, (_, i) =>
    called(`${urls[i % count]}/batches`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ input_file_id: file.id, endpoint, completion_window: "24h" }),
    }),
  );
  for (const { id } of await Promise.all(created)) {
    for (;;) {
      const { status } = await called(`${url}/batches/${id}`);
      if (status === "completed") break;
      if (status === "failed") throw new Error(`${id} failed`);
      await sleep(20);
    }
  }
  const seconds = (performance.now() - began) / 1_000;
  await Promise.all(servers.map((server) => server.stop()));
  return Math.round(requests / seconds);
}

const postgres = await Postgres.start();
const s3 = await S3Server.start();
const model = start([here("serve/model.mjs"), values.latency]);
const modelUrl = `http://127.0.0.1:${await model.line()}/v1`;
const found: Record<string, number[]> = {};
for (let round = 0; round < rounds; round++) {
  const folder = mkdtempSync(join(tmpdir(), "edgebatch-bench-machines-"));
  const ways: [string, number, string[]][] = [["SQLite and a folder, 1 process", 1, ["--data", folder]]];
  for (const count of [1, 2, 3]) {
    const { name } = await s3.bucket();
    const shared = ["--store", await postgres.database(), "--files", `s3://${name}?endpoint=${s3.endpoint}`];
    ways.push([`Postgres and S3, ${count} process${count === 1 ? "" : "es"}`, count, shared]);
  }
  for (const [name, count, state] of ways) {
    const each = found[name] ?? [];
    found[name] = each;
    each.push(await measure(modelUrl, count, state));
  }
  rmSync(folder, { recursive: true, force: true });
}
console.log(JSON.stringify({ ...values, perSecond: found }, null, 2));
await model.stop();
await postgres.down("SIGKILL");
await s3.down();
process.exit(0);
