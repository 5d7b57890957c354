/** Guards deployments of earlier builds: under this one their files, batches and keys are there, and what runs goes on. */

import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import OpenAI from "openai";
import { slowly, startUpstream } from "../server/suite/upstream.ts";
import { startDev } from "./inside/wrangler.ts";
import { ended, linesOf } from "./server.ts";

const root = resolve(import.meta.dirname, "../../..");

/** What the users of an old deployment knew when it was killed. */
interface Facts {
  made_at: number;
  keys: Record<"alice" | "bob", string>;
  done: { id: string; file: string; output_file: string; output: string };
  half: { id: string; counts: { completed: number }; total: number };
  queued: { id: string; total: number };
  bobs: { id: string; total: number };
  upload: { id: string; part: string; left: string; bytes: number };
  files: string[];
  webhook: string | null;
}

/** The Worker of this build, with its migrations, on what another has left. */
async function startOver(name: string, upstream: string) {
  const project = mkdtempSync(join(tmpdir(), "edgebatch-older-"));
  after(() => rm(project, { recursive: true, force: true }));
  const state = join(project, "state", "v3");
  mkdirSync(state, { recursive: true });
  execFileSync("tar", ["-xzf", join(root, `tests/data/worker/${name}.tar.gz`), "-C", state]);
  const facts: Facts = JSON.parse(readFileSync(join(state, "facts.json"), "utf8"));
  const hash = (key: string) => createHash("sha256").update(key).digest("hex");
  const vars = {
    API_KEYS: Object.entries(facts.keys).map(([name, key]) => `${name}:${hash(key)}`),
    UPSTREAM_URL: upstream,
    MAX_CONCURRENT_REQUESTS: 60,
    CLOCK_BEHIND_MS: Date.now() - facts.made_at * 1_000,
  };
  const config = readFileSync(join(root, "wrangler.toml"), "utf8")
    .replace(/^main = .*$/m, `main = "${join(import.meta.dirname, "inside/back-then.ts")}"`)
    .replace(/^\[assets\]\n(?:.+\n)*/m, "");
  writeFileSync(join(project, "wrangler.toml"), config);
  const set = Object.entries(vars).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  const worker = await startDev(project, [...set, "--persist-to", join(project, "state")]);
  after(worker.stop);
  const client = (key: string) => new OpenAI({ baseURL: `${worker.url}/v1`, apiKey: key, maxRetries: 0 });
  return { ...worker, facts, alice: client(facts.keys.alice), bob: client(facts.keys.bob) };
}

for (const name of ["sql-tables", "before-lanes"]) {
  test(`a deployment as '${name}' goes on where it was`, { timeout: 180_000 }, async (t) => {
    const upstream = await startUpstream(slowly(100));
    after(() => upstream.close());
    const { facts, alice, bob, printed } = await startOver(name, upstream.url);
    const { done, half, queued, bobs, upload } = facts;

    const files: string[] = [];
    for await (const file of alice.files.list()) files.push(file.id);
    assert.deepEqual(
      files.filter((id) => facts.files.includes(id)),
      facts.files,
      printed(),
    );
    assert.equal((await alice.batches.retrieve(done.id)).status, "completed");
    assert.equal(await (await alice.files.content(done.output_file)).text(), done.output);
    await assert.rejects(bob.batches.retrieve(done.id), { status: 404 });
    await assert.rejects(bob.files.content(done.output_file), { status: 404 });

    const last = await alice.uploads.parts.create(upload.id, { data: new File([upload.left], "part") });
    const { file } = await alice.uploads.complete(upload.id, { part_ids: [upload.part, last.id] });
    assert.equal(file?.bytes, upload.bytes);

    let [lines, kept] = [0, 0];
    for (const [client, { id, total }] of [
      [alice, half],
      [alice, queued],
      [bob, bobs],
    ] as const) {
      const batch = await ended(client, id);
      assert.equal(batch.status, "completed", printed());
      assert.deepEqual(batch.request_counts, { total, completed: total, failed: 0 });
      const output = await linesOf(client, batch.output_file_id);
      assert.equal(new Set(output.map((line) => line.custom_id)).size, total);
      assert.equal(output.length, total);
      lines += total;
      kept += output.filter(({ response }) => JSON.stringify(response?.body).includes('"old: ')).length;
    }
    assert.ok(kept >= half.counts.completed, `${kept} answers are the old build's`);
    assert.deepEqual([upstream.calls.size, ...new Set(upstream.calls.values())], [lines - kept, 1]);
    t.diagnostic(`${upstream.calls.size} calls, ${upstream.mostInFlight} at once`);
    assert.ok(upstream.mostInFlight > 12, "lanes make calls");
  });
}
