import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { patientFetch } from "../../../js/hosts/inference/patient-fetch.ts";
import { ask, serve, textOf } from "./model-server.ts";

describe("patientFetch", () => {
  /** Runs with a dispatcher of Node's own class that has a limit: if that were not heeded, neither would be the lack of one. */
  async function hurried(run: () => Promise<void>): Promise<void> {
    new Headers();
    const symbol = Symbol.for("undici.globalDispatcher.1");
    const holder = globalThis as Record<symbol, unknown>;
    const before = holder[symbol] as object;
    const Agent = before.constructor as new (options: object) => object;
    holder[symbol] = new Agent({ headersTimeout: 1, bodyTimeout: 1 });
    try {
      await run();
    } finally {
      holder[symbol] = before;
    }
  }

  /** Answers in two halves, each later than Node's timers can overlook. */
  const slow = () =>
    serve((_, response) => {
      setTimeout(() => {
        response.write('{"ok"');
        setTimeout(() => response.end(":1}"), 1_500);
      }, 1_500);
    });

  test("is what fetchInference waits with unless it is given another, over the dispatcher of the process", async () => {
    await hurried(async () => {
      const baseUrl = await slow();
      assert.equal(textOf((await ask({ baseUrl })).body), '{"ok":1}');
    });
  });

  test("lifts limits that are heeded otherwise, and that count as a TimeoutError", async () => {
    await hurried(async () => {
      const baseUrl = await slow();
      const plain = ask({ baseUrl, fetch: globalThis.fetch, timeoutMs: 60_000 });
      await assert.rejects(plain, { name: "TimeoutError", message: /in time/ });
    });
  });

  test("is fetch itself where there is no dispatcher", () => {
    const symbol = Symbol.for("undici.globalDispatcher.1");
    const holder = globalThis as Record<symbol, unknown>;
    const before = holder[symbol];
    holder[symbol] = undefined;
    try {
      assert.equal(patientFetch(), globalThis.fetch);
    } finally {
      holder[symbol] = before;
    }
  });
});
