// A thousand who follow one batch of `edgebatch serve` as events, and some who take nothing: how long it takes, and what the
// server holds. `node benches/serve/watchers.mjs [WATCHERS] [REQUESTS] [STALLED]`, after `npm run build`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [watchers = 1_000, requests = 2_000, stalled = 20] = process.argv.slice(2).map(Number);
const data = mkdtempSync(join(tmpdir(), "edgebatch-watchers-"));
const port = 20_000 + (process.pid % 20_000);
const base = `http://127.0.0.1:${port}/v1`;
const args = ["dist/cli/main.js", "serve", "--port", String(port), "--data", data];
const server = spawn(process.execPath, [...args, "--latency", "100", "--concurrency", "20"], {
  stdio: "ignore",
});
const memory = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))[1]) / 1024;

try {
  while (!(await fetch(`${base}/batches`).catch(() => null))?.ok) {
    if (server.exitCode !== null) throw new Error("the server did not start");
    await new Promise((next) => setTimeout(next, 50));
  }
  const line = (i) => ({
    ...{ custom_id: `r${i}`, method: "POST", url: "/v1/chat/completions" },
    body: { model: "echo-1", messages: [{ role: "user", content: `number ${i}` }] },
  });
  const form = new FormData();
  form.set("purpose", "batch");
  const lines = Array.from({ length: requests }, (_, i) => `${JSON.stringify(line(i))}\n`);
  form.set("file", new File(lines, "in.jsonl"));
  const file = await (await fetch(`${base}/files`, { method: "POST", body: form })).json();
  const batch = await (
    await fetch(`${base}/batches`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        input_file_id: file.id,
        endpoint: "/v1/chat/completions",
        completion_window: "24h",
      }),
    })
  ).json();
  const agent = new Agent({ maxSockets: Infinity });
  const headers = { accept: "text/event-stream" };
  const follow = (reads) =>
    new Promise((resolve) => {
      get(`${base}/batches/${batch.id}/results`, { agent, headers }, (response) => {
        if (!reads) return response.pause();
        let [seen, rest] = [0, ""];
        response.setEncoding("utf8").on("data", (part) => {
          const parts = (rest + part).split("\n\n");
          rest = parts.pop();
          for (const event of parts) if (event.startsWith("event: result\n")) seen += 1;
        });
        response.on("end", () => resolve(seen)).on("error", () => resolve(-1));
      }).on("error", () => resolve(-1));
    });
  const began = performance.now();
  for (let n = 0; n < stalled; n++) void follow(false);
  const following = Array.from({ length: watchers }, () => follow(true));
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, memory());
  }, 200);
  const seen = await Promise.all(following);
  clearInterval(watch);
  const whole = seen.filter((count) => count === requests).length;
  const seconds = (performance.now() - began) / 1_000;
  const { status } = await (await fetch(`${base}/batches/${batch.id}`)).json();
  console.log(
    `${whole} of ${watchers} saw each of ${requests} lines once; ${stalled} took nothing; the batch is ${status} after ` +
      `${seconds.toFixed(1)} s; the server held ${most.toFixed(0)} MB at most`,
  );
} finally {
  server.kill();
  if (server.exitCode === null) await once(server, "exit");
  rmSync(data, { recursive: true, force: true });
}
