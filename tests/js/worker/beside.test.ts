/** Guards what is around the Worker under `npm start`: nothing of it listens for others, and names are those it was given. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { request } from "node:http";
import { test } from "node:test";
import { startWorker } from "./server.ts";

test("no traces are kept, and no inspector listens", async () => {
  const sha256 = createHash("sha256").update("sk-beside").digest("hex");
  const worker = await startWorker({ API_KEYS: `alice:${sha256}` }, "sk-beside");
  try {
    const open = await listeningPorts(worker.pid());
    assert.ok(open.includes(Number(new URL(worker.url).port)));
    for (const port of open) {
      if (port === Number(new URL(worker.url).port)) continue;
      // Miniflare's own, for workerd to call it back: by a secret alone.
      for (const path of ["/", "/json", "/json/version", "/core/log", "/cdn-cgi/local/explorer"]) {
        const response = await fetch(`http://127.0.0.1:${port}${path}`);
        assert.equal(response.status, 403, `${port}${path}`);
        assert.equal(await response.text(), "Forbidden");
      }
    }
  } finally {
    await worker.stop();
  }
});

test("a Worker without keys answers to the names that ALLOWED_HOSTS gives, besides those of this machine", async () => {
  const open = await startWorker({ ALLOWED_HOSTS: "batches.example, other.example" });
  try {
    const status = (host: string) =>
      new Promise<number | undefined>((answered, failed) => {
        const sent = request(`${open.url}/v1/files`, { headers: { host }, agent: false }, (answer) =>
          answered(answer.resume().statusCode),
        );
        sent.once("error", failed).end();
      });
    for (const name of ["Batches.example:80", "other.example", "localhost"])
      assert.equal(await status(name), 200);
    assert.equal(await status("evil.example"), 403);
  } finally {
    await open.stop();
  }
});

async function listeningPorts(pid: number): Promise<number[]> {
  const { readdir, readFile, readlink } = await import("node:fs/promises");
  const parents = new Map<number, number>();
  for (const each of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${each}/stat`, "latin1").catch(() => "");
    parents.set(Number(each), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  const isBelow = (each: number | undefined): boolean =>
    each === pid || (!!each && isBelow(parents.get(each)));
  const sockets = new Set<string>();
  for (const each of [...parents.keys()].filter(isBelow)) {
    for (const fd of await readdir(`/proc/${each}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${each}/fd/${fd}`).catch(() => "");
      sockets.add(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? "");
    }
  }
  const lines = [
    await readFile("/proc/net/tcp", "utf8"),
    await readFile("/proc/net/tcp6", "utf8").catch(() => ""),
  ];
  return lines
    .flatMap((text) => text.trim().split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === "0A" && sockets.has(fields[9] ?? ""))
    .map((fields) => Number.parseInt((fields[1] ?? "").split(":")[1] ?? "", 16));
}
