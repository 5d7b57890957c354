/** Guards the settings: a mistake in any of them is said by its name, before anything is done; and whose texts are said. */

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { authenticate, tenantNames } from "../../../js/server/auth.ts";
import { SettingError } from "../../../js/server/ports.ts";
import type { Env } from "../../../js/worker/env.ts";
import { serverSettings as checkSettings, turnSettings } from "../../../js/worker/settings.ts";
import { wire } from "../server/suite/wire.ts";
import { ended, startWorker } from "./server.ts";

const settings = (vars: Partial<Env>) => vars as Env;

test("npm start, the table of settings and wrangler.toml know every setting of the Worker", () => {
  const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
  const names = [...read("js/worker/env.ts").matchAll(/^ {2}([A-Z_]+)\?: string;$/gm)].map(
    ([, name]) => name,
  );
  assert.ok(names.length > 20);
  for (const [path, before, after] of [
    ["scripts/serve/worker/settings.mjs", '"', '",'],
    ["docs/worker.md", "| `", "`"],
    ["wrangler.toml", "", ""],
  ] as const) {
    const text = read(path);
    const unknown = names.filter((name) => !text.includes(`${before}${name}${after}`));
    assert.deepEqual(unknown, [], path);
  }
});

test("each setting that cannot be right is named", () => {
  for (const [name, value] of [
    ["DIALECT", "klingon"],
    ["ENDPOINTS", "chat/completions"],
    ["UPSTREAM_URL", "localhost:8000"],
    ["UPSTREAM_URL", "https://name:password@example.com"],
    ["UPSTREAM_STREAM", "yes"],
    ["ECHO_LATENCY_MS", "soon"],
    ["MAX_CONCURRENT_BATCHES", "0"],
    ["MAX_CONCURRENT_REQUESTS", "-1"],
    ["MAX_CONCURRENT_REQUESTS", "1001"],
    ["MAX_BYTES_IN_FLIGHT", "24 MB"],
    ["TURN_SUBREQUESTS", "49"],
    ["REQUEST_TIMEOUT_MS", "600001"],
    ["MAX_ATTEMPTS", "1.5"],
    ["ORDER", "random"],
    ["PRICES", "gpt-4o=2.5"],
    ["MAX_FILE_BYTES", "200 MB"],
    ["MAX_REQUESTS", "many"],
    ["MAX_LINE_BYTES", "8 MiB"],
    ["MAX_RESPONSE_BYTES", "-1"],
    ["MAX_STORED_BYTES", "1 GB"],
    ["MAX_QUEUED_REQUESTS", "0"],
    ["MAX_REQUESTS_PER_MINUTE", "0.5"],
    ["WEBHOOK_ALLOW_PRIVATE", "yes"],
  ] as const) {
    assert.throws(
      () => checkSettings(settings({ [name]: value })),
      (error: unknown) => {
        assert.ok(error instanceof SettingError, `${name}=${value}: ${error}`);
        assert.match(error.message, new RegExp(`^${name} must be `));
        assert.ok(!error.message.includes("password@"));
        return true;
      },
    );
  }
});

test("one key under two names is a mistake that is named, and under one name twice is none", async () => {
  const [one, other] = ["0a".repeat(32), "0b".repeat(32)];
  const vars = settings({ API_KEYS: `alice:${one}, bob:${other}, bob:${one.toUpperCase()}` });
  const message = "API_KEYS must give each key one name, but 'alice' and 'bob' have the same key.";
  await assert.rejects(authenticate(new Headers(), vars), { name: "SettingError", message });
  assert.deepEqual(tenantNames(settings({ API_KEYS: `alice:${one} alice:${one} alice:${other}` })), [
    "alice",
  ]);
});

test("settings that are right, or left empty, are taken", () => {
  checkSettings(settings({}));
  checkSettings(settings({ DIALECT: "", MAX_REQUESTS: "", UPSTREAM_URL: "", ENDPOINTS: "" }));
  checkSettings(
    settings({ ECHO_LATENCY_MS: "0", ENDPOINTS: "/v1/chat/completions, /v1/images/generations" }),
  );
  checkSettings(settings({ UPSTREAM_URL: "http://localhost:11434/v1", UPSTREAM_KEY: "a", MODELS: "a, b" }));
});

test("a turn with the longest request after it ends within an alarm's quarter of an hour", () => {
  const minute = 60_000;
  for (const requestMs of [1, 5 * minute, 9 * minute, 10 * minute]) {
    const { turnMs } = turnSettings({ REQUEST_TIMEOUT_MS: String(requestMs) } as Env);
    assert.ok(turnMs >= 4 * minute && turnMs <= 5 * minute, `${turnMs}`);
    assert.ok(turnMs + requestMs < 15 * minute, `${turnMs} and ${requestMs}`);
  }
});

test("a Worker with a mistake in a setting answers each call with what it is", async () => {
  const worker = await startWorker({ DIALECT: "klingon", MAX_ATTEMPTS: "" });
  try {
    for (const path of ["/v1/files", "/v1/batches", "/v1/models"]) {
      const answer = await fetch(worker.url + path);
      assert.equal(answer.status, 500);
      // To try again would change nothing.
      assert.equal(answer.headers.get("x-should-retry"), "false");
      const message = "DIALECT must be openai or reference, but is 'klingon'.";
      const error = { message, type: "server_error", param: null, code: null };
      assert.deepEqual(await answer.json(), { error });
    }
  } finally {
    await worker.stop();
  }
});

test("with the texts of the reference each create that is refused reads so, whichever parameter it is", async () => {
  const worker = await startWorker({ DIALECT: "reference" });
  const { call, refused } = wire(() => worker.url);
  const good = { input_file_id: "file-x", endpoint: "/v1/chat/completions", completion_window: "24h" };
  const path = "/v1/batches";
  try {
    for (const [change, message, param, code] of [
      [
        { endpoint: "/v1/none" },
        /^Invalid endpoint: \/v1\/none\. Supported values: /,
        "endpoint",
        "invalid_value",
      ],
      [{ completion_window: "1h" }, /^Invalid completion_window: 1h\./, "completion_window", "invalid_value"],
      [{ metadata: { a: 1 } }, /^Invalid metadata: metadata\.a should be /, "metadata.a", "invalid_type"],
      [{ output_expires_after: 1 }, /^Invalid type for /, "output_expires_after", "invalid_type"],
    ] as const) {
      const whole = new RegExp(`^Invalid value: ${message.source.slice(1)}`);
      await refused(400, { message: whole, param, code }, "POST", path, { ...good, ...change });
    }
    await refused(404, { message: "Batch 'batch_no' not found" }, "GET", `${path}/batch_no`);
    const { id } = (await call("POST", path, good)).body;
    await ended(worker.client, id);
    const conflict = { message: `Cannot cancel batch '${id}' with status 'failed'` };
    const headers = await refused(409, conflict, "POST", `${path}/${id}/cancel`);
    assert.equal(headers.get("x-should-retry"), "false");
  } finally {
    await worker.stop();
  }
});

test("a Worker with neither keys nor leave for everyone refuses each call, and says what to set", async () => {
  const closed = await startWorker({ ALLOW_ANONYMOUS: "0" });
  after(() => closed.stop());
  const response = await fetch(`${closed.url}/v1/files`, { headers: { authorization: "Bearer any" } });
  assert.equal(response.status, 401);
  const { error } = (await response.json()) as { error: { message: string } };
  assert.match(error.message, /API_KEYS/);
  assert.match(error.message, /ALLOW_ANONYMOUS=1/);
});
