/** Guards the settings: a mistake in any of them is said by its name, before anything is done. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { checkSettings, SettingError } from "../../../js/worker/config.ts";
import type { Env } from "../../../js/worker/platform.ts";
import { startWorker } from "./server.ts";

const settings = (vars: Partial<Env>) => vars as Env;

test("each setting that cannot be right is named", () => {
  for (const [name, value] of [
    ["DIALECT", "klingon"],
    ["ENDPOINTS", "chat/completions"],
    ["UPSTREAM_URL", "localhost:8000"],
    ["UPSTREAM_URL", "https://name:password@example.com"],
    ["ECHO_LATENCY_MS", "soon"],
    ["MAX_CONCURRENT_BATCHES", "0"],
    ["MAX_CONCURRENT_REQUESTS", "-1"],
    ["REQUEST_TIMEOUT_MS", "600001"],
    ["MAX_ATTEMPTS", "1.5"],
    ["MAX_FILE_BYTES", "200 MB"],
    ["MAX_REQUESTS", "many"],
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

test("settings that are right, or left empty, are taken", () => {
  checkSettings(settings({}));
  checkSettings(settings({ DIALECT: "", MAX_REQUESTS: "", UPSTREAM_URL: "", ENDPOINTS: "" }));
  checkSettings(
    settings({ ECHO_LATENCY_MS: "0", ENDPOINTS: "/v1/chat/completions, /v1/images/generations" }),
  );
  checkSettings(settings({ UPSTREAM_URL: "http://localhost:11434/v1", UPSTREAM_KEY: "a", MODELS: "a, b" }));
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
