/** Guards docs/webhooks.md: its receivers, copied as they are, take what is signed and refuse what is not. */

import { strict as assert } from "node:assert";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { freePort, until } from "./batches.ts";
import { pythonWith } from "./python/client.ts";
import { startServer } from "./server.ts";

const root = join(import.meta.dirname, "../../../..");
const docs = readFileSync(join(root, "docs/webhooks.md"), "utf8");
const block = (language: string, holds: string) =>
  [...docs.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)].find(
    ([, name, text]) => name === language && text?.includes(holds),
  )?.[2] ?? "";

for (const [language, command] of [
  ["js", () => [process.execPath, "--input-type=module", "--eval", block("js", "createServer")]],
  ["python", () => [pythonWith(""), "-c", block("python", "Receiver")]],
] as [string, () => [string, ...string[]]][]) {
  test(`the receiver in ${language} takes each event once, and refuses what has another signature`, async () => {
    const server = await startServer({ WEBHOOK_ALLOW_PRIVATE: "1" });
    const port = await freePort();
    const { webhooks } = server.client;
    const endpoint = await webhooks.create({
      ...{ name: "receiver", url: `http://127.0.0.1:${port}/`, event_types: ["batch.completed"] },
    });
    const [program, ...args] = command();
    const env = { ...process.env, PORT: String(port), OPENAI_WEBHOOK_SECRET: endpoint.signing_secret };
    const child: ChildProcess = spawn(program, args, {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    after(async () => {
      child.kill("SIGKILL");
      await server.stop();
    });
    let printed = "";
    child.stdout?.on("data", (text) => {
      printed += text;
    });
    const forged = async () => {
      const time = String(Math.floor(Date.now() / 1000));
      const headers = { "webhook-id": "evt_1", "webhook-timestamp": time, "webhook-signature": "v1,AAAA" };
      return (await fetch(endpoint.url, { method: "POST", body: "{}", headers })).status;
    };
    await until("it listens", () => forged().then(Boolean, () => false));
    assert.equal(await forged(), 400);
    assert.equal((await webhooks.test(endpoint.id, { event_type: "batch.completed" })).status_code, 200);
    await until("it says so", () => printed !== "");
    assert.equal(printed.trim(), "batch.completed batch_abc123");
  });
}
