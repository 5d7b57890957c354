/** Guards `npm start` itself: one process on one state, no end but its own, nothing left and nothing readable by others. */

import { strict as assert } from "node:assert";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { freePort, until } from "./server.ts";

const root = resolve(import.meta.dirname, "../../..");
const sha256 = createHash("sha256").update("sk-start").digest("hex");
let base: string;
let stateDir: string;
let port: number;
const children = new Set<ChildProcess>();
before(async () => {
  base = await mkdtemp(join(tmpdir(), "edgebatch-start-"));
});
beforeEach(async () => {
  stateDir = await mkdtemp(join(base, "state-"));
  port = await freePort();
});
after(async () => {
  for (const child of children) child.kill("SIGKILL");
  await rm(base, { recursive: true, force: true });
});

interface Run {
  child: ChildProcess;
  printed(): string;
  status: Promise<number | string>;
}

const script = ["scripts/serve/start.mjs", "--built"];

function start(env: Record<string, string> = {}, command = process.execPath, args = script): Run {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(command, args, {
    cwd: root,
    env: { PATH, HOME, HOST: "127.0.0.1", PORT: String(port), STATE_DIR: stateDir, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
    });
  }
  const status = new Promise<number | string>((next) => {
    child.once("exit", (code, signal) => {
      children.delete(child);
      // What it wrote last is still on its way.
      setImmediate(() => next(code ?? signal ?? "?"));
    });
  });
  return { child, printed: () => printed, status };
}

const answers = async (path = "/health") =>
  (await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null))?.ok ?? false;

async function up(run: Run): Promise<void> {
  await until("it answers and says so", async () => {
    if (run.child.exitCode !== null) throw new Error(`it ended: ${run.printed()}`);
    return run.printed().includes("To try it") && (await answers());
  });
}

interface Process {
  pid: number;
  name: string;
}

/** The processes below one, as /proc tells them. */
async function below(pid: number): Promise<Process[]> {
  const found: Process[] = [];
  for (const each of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const text = await readFile(`/proc/${each}/stat`, "latin1").catch(() => "");
    const [state, parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    if (Number(parent) !== pid || state === "Z") continue;
    const name = text.slice(text.indexOf("(") + 1, text.lastIndexOf(")"));
    found.push({ pid: Number(each), name }, ...(await below(Number(each))));
  }
  return found;
}

async function isGone(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return text === "" || text.slice(text.lastIndexOf(")") + 2).startsWith("Z");
}

const owner = async () => JSON.parse(await readFile(join(stateDir, "owner.json"), "utf8"));

test("it is two processes and a guard, warns of nothing, and ends with all of them on a signal", async () => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    const run = start();
    await up(run);
    const processes = await below(run.child.pid as number);
    assert.deepEqual(processes.map(({ name }) => name).sort(), ["sh", "workerd"]);
    assert.match(run.printed(), /^\nedgebatch serves http:\/\/127\.0\.0\.1:\d+\/v1 /);
    assert.ok(!/warn|cron|\[\d+m/i.test(run.printed()), run.printed());
    const { run: folder } = await owner();
    run.child.kill(signal);
    assert.equal(await run.status, 0);
    await until("all are gone", async () =>
      (await Promise.all(processes.map(({ pid }) => isGone(pid)))).every(Boolean),
    );
    assert.ok(!existsSync(folder));
    assert.deepEqual((await readdir(stateDir)).sort(), ["lock.db", "v3"]);
  }
});

test("with any of its processes killed it says so and ends, with nothing left serving", async () => {
  for (const [name, said] of [
    ["workerd", "workerd, the runtime, ended by SIGKILL"],
    ["sh", "the guard of workerd ended by SIGKILL"],
  ] as const) {
    const run = start();
    await up(run);
    const processes = await below(run.child.pid as number);
    process.kill(processes.find((each) => each.name === name)?.pid as number, "SIGKILL");
    assert.equal(await run.status, 1);
    assert.ok(run.printed().includes(`start: ${said}: the server ends`), run.printed());
    await until("all are gone", async () =>
      (await Promise.all(processes.map(({ pid }) => isGone(pid)))).every(Boolean),
    );
  }
});

test("with any process above it killed, alone, nothing goes on", async () => {
  const node = `'${process.execPath}' ${script.join(" ")}`;
  for (const [command, args, victim] of [
    [process.execPath, script, "itself"],
    ["/bin/sh", ["-c", `${node}; echo`], "sh"],
    ["npm", ["start", "--", "--built"], "npm"],
    ["npm", ["start", "--", "--built"], "the shell of npm"],
  ] as const) {
    const run = start({}, command, [...args]);
    await up(run);
    const { pid, run: folder } = await owner();
    const processes = [{ pid, name: "it" }, ...(await below(pid))];
    let killed = run.child.pid as number;
    if (victim === "the shell of npm") {
      const stat = await readFile(`/proc/${pid}/stat`, "latin1");
      killed = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    }
    process.kill(killed, "SIGKILL");
    await until(
      `all are gone after ${victim} was killed`,
      async () => (await Promise.all(processes.map(({ pid }) => isGone(pid)))).every(Boolean),
      10_000,
    );
    assert.equal(await answers(), false);
    // What a kill leaves is removed by the next start, which its lock does not keep out.
    const next = start();
    await up(next);
    assert.ok(!existsSync(folder), folder);
    next.child.kill();
    assert.equal(await next.status, 0);
  }
});

test("of two that start on one state at once, one serves and the other says who does and ends with status 2", async () => {
  const runs = [start(), start({ PORT: String(await freePort()) })];
  const first = await Promise.race(runs.map(async (run) => ({ run, status: await run.status })));
  assert.equal(first.status, 2, runs.map((run) => run.printed()).join());
  const serving = runs.find((run) => run !== first.run) as Run;
  await until("the other serves", () => serving.printed().includes("To try it"));
  const second = start({ PORT: String(await freePort()) });
  assert.equal(await second.status, 2);
  const { pid, since, address } = await owner();
  assert.equal(pid, serving.child.pid);
  for (const part of [stateDir, `process ${pid}`, since, address, "STATE_DIR"]) {
    assert.ok(second.printed().includes(part), second.printed());
  }
  serving.child.kill();
  await serving.status;
});

test("a lock that a dead process left, whose id another has now, does not block", async () => {
  const since = "2020-01-01T00:00:00.000Z";
  const record = { pid: process.pid, since, address: "http://127.0.0.1:1", run: base };
  await writeFile(join(stateDir, "owner.json"), JSON.stringify(record));
  await writeFile(join(stateDir, "lock.db"), "");
  const run = start();
  await up(run);
  // What the record says is not believed: only a folder as we make them is removed.
  assert.ok(existsSync(base));
  run.child.kill();
  await run.status;
});

test("a state that cannot be used ends in its reason", async () => {
  const file = join(stateDir, "file");
  await writeFile(file, "");
  const garbage = join(stateDir, "garbage");
  await mkdir(garbage);
  await writeFile(join(garbage, "lock.db"), "no database, but long enough to be read as one".repeat(100));
  const folder = join(stateDir, "folder");
  await mkdir(join(folder, "lock.db"), { recursive: true });
  const blocked = join(stateDir, "blocked");
  await mkdir(blocked);
  await writeFile(join(blocked, "v3"), "");
  for (const [dir, reason] of [
    [file, /^start: STATE_DIR=\S+\/file cannot be used: it is no folder\n$/],
    [
      join(file, "below"),
      /^start: STATE_DIR=\S+ cannot be used: there is a file where a folder has to be\n$/,
    ],
    [
      garbage,
      /^start: the lock \S+\/lock\.db cannot be used \(file is not a database\)\. .* remove the file/,
    ],
    [folder, /^start: the lock \S+\/lock\.db cannot be used \(unable to open database file\)/],
    [blocked, /^start: .*(EEXIST|ENOTDIR).*\/v3/],
  ] as const) {
    const run = start({ STATE_DIR: dir });
    assert.equal(await run.status, 1, run.printed());
    assert.match(run.printed(), reason);
  }
});

test("nothing of the state can be read by others, and nothing earlier versions left with keys or addresses stays", async () => {
  await chmod(stateDir, 0o755);
  await mkdir(join(stateDir, "logs"));
  await mkdir(join(stateDir, "v3/observability"), { recursive: true });
  await chmod(join(stateDir, "v3"), 0o700);
  for (const left of ["settings.env", "logs/wrangler.log", "v3/observability/traces.sqlite"])
    await writeFile(join(stateDir, left), "UPSTREAM_KEY='sk-upstream'");
  const secret = "sk-upstream-0123";
  const run = start({
    UPSTREAM_KEY: secret,
    UPSTREAM_URL: `http://127.0.0.1:9/?api_key=${secret}`,
    ECHO_LATENCY_MS: "0",
  });
  await up(run);
  await fetch(`http://127.0.0.1:${port}/v1/files?key=${secret}`);
  const seen = async (folder: string): Promise<void> => {
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const { mode } = await stat(path).catch(() => ({ mode: 0 }));
      if ((mode & 0o170000) === 0o040000) await seen(path);
      else if ((mode & 0o170000) === 0o100000) {
        assert.ok(!(await readFile(path)).includes(secret), `${path} holds the key`);
      }
      assert.equal(mode & 0o077, 0, `${path} has mode ${mode.toString(8)}`);
    }
  };
  assert.equal((await stat(stateDir)).mode & 0o777, 0o700);
  await seen(stateDir);
  const { run: folder } = await owner();
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
  await seen(folder);
  for (const left of ["settings.env", "logs", "v3/observability"])
    assert.ok(!existsSync(join(stateDir, left)), left);
  assert.ok(!run.printed().includes(secret));
  run.child.kill();
  await run.status;
});

test("others are not served without keys, unless that is said", async () => {
  for (const HOST of ["0.0.0.0", "::", "192.0.2.1", "example.com"]) {
    const run = start({ HOST });
    assert.equal(await run.status, 1);
    assert.match(run.printed(), /^start: others can reach HOST=\S+, .*Set API_KEYS .*ALLOW_ANONYMOUS=1/);
  }
  for (const env of [{ API_KEYS: `a:${sha256}` }, { ALLOW_ANONYMOUS: "1" }] as Record<string, string>[]) {
    const run = start({ HOST: "0.0.0.0", ...env });
    await up(run);
    assert.equal(run.printed().includes("YOUR_KEY"), "API_KEYS" in env);
    assert.equal(run.printed().includes('-H "Authorization: Bearer $EDGEBATCH_KEY"'), "API_KEYS" in env);
    assert.equal(run.printed().includes('"any"'), !("API_KEYS" in env));
    run.child.kill();
    await run.status;
  }
  // Said to be closed, it serves nobody, and so may be reached.
  const closed = start({ HOST: "0.0.0.0", ALLOW_ANONYMOUS: "0" });
  await up(closed);
  assert.equal((await fetch(`http://127.0.0.1:${port}/v1/files`)).status, 401);
  closed.child.kill();
  await closed.status;
  const wrong = start({ PORT: "http" });
  assert.equal(await wrong.status, 1);
  assert.equal(wrong.printed(), "start: PORT must be a whole number up to 65535, but is 'http'\n");
  const unlimited = start({ PLATFORM_LIMITS: "1", PLATFORM_CPU_MS: "none" });
  assert.equal(await unlimited.status, 1);
  const mistake = "start: PLATFORM_CPU_MS must be a whole number from 1 on, but is 'none'\n";
  assert.equal(unlimited.printed(), mistake);
});

test("a port that another program has ends it, with that reason", async () => {
  const run = start();
  await up(run);
  const other = start({ STATE_DIR: await mkdtemp(join(base, "state-")) });
  assert.equal(await other.status, 1);
  assert.equal(other.printed(), `start: port ${port} of 127.0.0.1 is in use; set PORT to another\n`);
  run.child.kill();
  await run.status;
});
