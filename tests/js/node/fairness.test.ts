/** Guards the small against the large: a tenant's few requests do not wait for another's many. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type OpenAI from "openai";
import { folder } from "../cli/command.ts";
import { completion, reply, startUpstream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, until } from "../worker/server.ts";
import { serving, stateFolder } from "./serving.ts";

const LANES = 20;
const MANY = 20_000;
const FEW = 10;
/** How long an answer takes. */
const ANSWER_MS = 20;

const entry = (name: string) => `${name}:${createHash("sha256").update(`key-of-${name}`).digest("hex")}\n`;
const linesOf = (name: string, count: number) => chatLines(count).replaceAll("number", name);

/** A server with two tenants, and what its model server was asked for by each of them. */
async function started() {
  const calls: { name: string; at: number }[] = [];
  const upstream = await startUpstream(async ({ content }, response) => {
    calls.push({ name: content.split(" ")[0] as string, at: Date.now() });
    await new Promise((next) => setTimeout(next, ANSWER_MS));
    reply(response, 200, completion(content));
  });
  after(() => upstream.close());
  const keys = join(folder(), "keys");
  writeFileSync(keys, entry("alice") + entry("bob"));
  const server = await serving([
    ...["--url", upstream.url, "--data", stateFolder(), "--api-keys", keys],
    ...["--concurrency", String(LANES)],
  ]);
  const count = (name: string) => calls.filter((call) => call.name === name).length;
  return { upstream, calls, count, client: (name: string) => server.client(`key-of-${name}`) };
}

/** A batch of a few requests, from its creation to its end: how long it took. */
async function few(client: OpenAI, name: string): Promise<number> {
  const began = Date.now();
  const batch = await ended(client, (await createBatch(client, linesOf(name, FEW))).id);
  assert.deepEqual(batch.request_counts, { total: FEW, completed: FEW, failed: 0 });
  return Date.now() - began;
}

test("ten requests of a tenant are answered while twenty thousand of another are, and as soon as if they were alone", async (t) => {
  const { upstream, calls, count, client } = await started();
  const alone = await few(client("bob"), "alone");
  const large = await createBatch(client("alice"), linesOf("many", MANY));
  await until("the large one has all lanes", () => upstream.inFlight === LANES && count("many") > 1_000);
  const [before, began] = [count("many"), Date.now()];
  const beside = await few(client("bob"), "few");
  const meanwhile = count("many") - before;
  const rate = (meanwhile * 1_000) / (Date.now() - began);
  const times = calls.filter(({ name }) => name === "few").map(({ at }) => at);
  const waited = Math.max(...times) - Math.min(...times);
  const counts = (await client("alice").batches.retrieve(large.id)).request_counts;
  t.diagnostic(
    `ten requests alone: ${alone} ms; beside ${MANY}: ${beside} ms, in flight within ${waited} ms`,
  );
  t.diagnostic(`the others meanwhile: ${meanwhile}, ${Math.round(rate)} a second`);
  // In its turn it would come after all of them.
  assert.ok((counts?.completed ?? MANY) < MANY / 2, `${counts?.completed} were answered before`);
  // It had its share of the lanes at once: no call waited for more than a few of the others'.
  assert.ok(waited < 50 * ANSWER_MS, `${waited} ms`);
  // The large one went on, and no more was in flight than the model server takes.
  assert.ok(meanwhile > 0);
  assert.equal(upstream.mostInFlight, LANES);
  await client("alice").batches.cancel(large.id);
  await ended(client("alice"), large.id);
});
