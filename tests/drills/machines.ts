/**
 * `npm run drill -- --minutes 30`: three servers over one Postgres and one S3, with faults all the time, drawn from one seed: kills,
 * stops, restarts, connections that are cut or carry nothing, a database that is restarted or killed. In the end every line of
 * every batch must be there once, and the model server must never have had more in flight than the concurrency of all together.
 * Not among the tests, as it takes as long as it is told to; what a short time shows, they show.
 */

import { strict as assert } from "node:assert";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Postgres } from "../js/machines/postgres.ts";
import { S3Server } from "../js/machines/s3.ts";
import { chatLines, linesOf } from "../js/server/suite/batches.ts";
import { completion, reply, startUpstream } from "../js/server/suite/upstream.ts";
import { Machine } from "./machine.ts";
import { Way } from "./way.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    requests: { type: "string", default: "20000" },
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
  },
});
const [minutes, requests, seed] = [values.minutes, values.requests, values.seed].map(Number) as [
  number,
  number,
  number,
];
/** Requests of one batch. */
const SIZE = 500;
/** What all machines have in flight together, and each of them may have. */
const LANES = 60;
const UNSAVED = 64;
/** Longer than a lease, so that batches change hands. */
const MOST_FAULT_MS = 25_000;

/** The same numbers for the same seed (mulberry32). */
let drawn = seed >>> 0;
function random(): number {
  drawn = (drawn + 0x6d2b79f5) >>> 0;
  let t = drawn;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const upTo = (most: number) => Math.floor(random() * most);
const oneOf = <T>(all: readonly T[]): T => all[upTo(all.length)] as T;

const postgres = await Postgres.start();
const s3 = await S3Server.start();
let trouble = 0;
const upstream = await startUpstream(async ({ content }, response) => {
  // So slow that there is always something under way.
  await sleep(200 + Math.random() * 2_000);
  // Now and then it is busy, or broken.
  if (Math.random() < 0.01) {
    trouble += 1;
    return reply(response, oneOf([429, 500, 503]), {
      error: { message: "no", type: "t", code: "c", param: null },
    });
  }
  reply(response, 200, completion(content));
});

const { name: bucket } = await s3.bucket();
const database = await postgres.database();
const machines: Machine[] = [];
for (let i = 0; i < 3; i++) {
  const [db, files] = [await Way.to(postgres.port), await Way.to(Number(new URL(s3.endpoint).port))];
  const store = database.replace(`:${postgres.port}/`, `:${db.port}/`);
  const machine = new Machine(db, files, [
    ...["--store", store, "--files", `s3://${bucket}/drill?endpoint=http://127.0.0.1:${files.port}`],
    ...["--url", `${upstream.url}/v1`, "--concurrency", `${LANES}`, "--batches", "4", "--log-level", "warn"],
  ]);
  await machine.up();
  machines.push(machine);
}

const counts: Record<string, number> = {};
const running = new Set<Promise<void>>();
let isOver = false;

/** One fault, from its beginning to its end. */
async function fault(): Promise<void> {
  const machine = oneOf(machines);
  const [ms, short] = [upTo(MOST_FAULT_MS), upTo(3_000)];
  const faults: Record<string, () => Promise<void>> = {
    kill: () => machine.restart("SIGKILL", short),
    terminate: () => machine.restart("SIGTERM", short),
    stop: () => machine.stop(ms),
    "cut from the database": async () => machine.database.cut(),
    "cut from S3": async () => machine.files.cut(),
    "database silent": () => machine.database.silent(ms),
    "S3 silent": () => machine.files.silent(ms),
    "database restart": () => restartDatabase("SIGINT", short),
    "database kill": () => restartDatabase("SIGKILL", short),
  };
  const name = oneOf(Object.keys(faults));
  counts[name] = (counts[name] ?? 0) + 1;
  await faults[name]?.();
}

let restarting: Promise<void> | undefined;
function restartDatabase(signal: "SIGINT" | "SIGKILL", pause: number): Promise<void> {
  restarting ??= (async () => {
    await postgres.down(signal);
    await sleep(pause);
    await postgres.up();
    restarting = undefined;
  })();
  return restarting;
}

const faults = (async () => {
  while (!isOver) {
    await sleep(2_000 + upTo(6_000));
    const one = fault().finally(() => running.delete(one));
    running.add(one);
    if (running.size > 2) await Promise.race(running);
  }
  await Promise.all(running);
})();

const ids: string[] = [];
const batches = Math.ceil(requests / SIZE);
const began = Date.now();
let [quietest, last, calls] = [0, Date.now(), 0];
const watch = setInterval(() => {
  if (upstream.times.length > calls || upstream.calls.size >= ids.length * SIZE) last = Date.now();
  calls = upstream.times.length;
  quietest = Math.max(quietest, Date.now() - last);
}, 250);

/** A caller asks again, elsewhere. */
async function again<T>(ask: (client: ReturnType<Machine["client"]>) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask(oneOf(machines).client());
    } catch (error) {
      if (tries === 50) throw error;
      await sleep(500);
    }
  }
}

for (let i = 0; i < batches; i++) {
  const due = began + (i * minutes * 60_000) / batches;
  await sleep(Math.max(due - Date.now(), 0));
  const file = await again((client) =>
    client.files.create({ purpose: "batch", file: new File([chatLines(SIZE)], "input.jsonl") }),
  );
  const params = {
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
    input_file_id: file.id,
  } as const;
  const key = { idempotency_key: `drill-${i}` };
  ids.push((await again((client) => client.batches.create({ ...params, ...key } as typeof params))).id);
  const done = upstream.calls.size;
  console.error(
    `${Math.round((Date.now() - began) / 1000)} s: ${ids.length} batches, ${done} requests asked, ${JSON.stringify(counts)}`,
  );
}
isOver = true;
await faults;

const wrong: string[] = [];
let finished = 0;
for (const id of new Set(ids)) {
  try {
    const deadline = Date.now() + 180_000;
    for (;;) {
      const batch = await machines[0]
        ?.client()
        .batches.retrieve(id)
        .catch(() => undefined);
      if (batch?.status === "completed") {
        const lines = await linesOf(oneOf(machines).client(), batch.output_file_id);
        const found = lines.map(({ custom_id }) => custom_id);
        assert.deepEqual(
          found,
          Array.from({ length: SIZE }, (_, n) => `request-${n}`),
          id,
        );
        assert.deepEqual(batch.request_counts, { total: SIZE, completed: SIZE, failed: 0 });
        finished += 1;
        break;
      }
      assert.ok(Date.now() < deadline, `${id} is ${batch?.status} ${JSON.stringify(batch)}`);
      await sleep(250);
    }
  } catch (error) {
    wrong.push((error as Error).message.slice(0, 2_000));
  }
}
clearInterval(watch);
const many = Object.values(counts).reduce((sum, count) => sum + count, 0);
const repeated = [...upstream.calls.values()].reduce((sum, count) => sum + count - 1, 0) - trouble;
// What is not saved is of each of four batches that a machine may have.
if (repeated > many * (LANES + 4 * UNSAVED)) wrong.push(`${repeated} calls were made again`);
if (upstream.mostInFlight > LANES) wrong.push(`${upstream.mostInFlight} calls were in flight at once`);
const report = {
  ...{ seed, minutes: Math.round((Date.now() - began) / 6_000) / 10, batches: ids.length, finished },
  ...{ requests: upstream.calls.size, repeated, refusals: trouble, faults: counts, all: many },
  ...{
    quietestMs: quietest,
    mostInFlight: upstream.mostInFlight,
    memory: machines.map((machine) => machine.memory()),
    logs: Machine.events(machines),
    wrong,
  },
};
console.log(JSON.stringify(report, null, 2));
await Promise.all(machines.map((machine) => machine.down()));
await postgres.down("SIGKILL");
await s3.down();
process.exit(wrong.length > 0 || finished !== batches ? 1 : 0);
