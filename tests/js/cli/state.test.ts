/** What makes two starts the same run: the content of the file, not its time or place; and a state that is damaged. */
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import test, { suite } from "node:test";
import zlib from "node:zlib";
import { edgebatch, folder, line, start } from "./command.ts";
import { ModelServer } from "./server.ts";

const at = folder();

function text(requests: number, content = "text"): string {
  return Array.from({ length: requests }, (_, i) => line(`r${i}`, `${content} ${i}`)).join("");
}

/** A run that was killed after a few answers, and its server. */
async function interrupted(requests = 60, more: string[] = [], name = "in.jsonl", bytes?: Uint8Array) {
  const server = new ModelServer();
  const url = await server.listen();
  server.latencyMs = 20;
  const cwd = mkdtempSync(join(at, "s-"));
  const input = join(cwd, name);
  writeFileSync(input, bytes ?? text(requests));
  const args = ["run", name, "--url", url, "--concurrency", "2", ...more];
  const { child, ended } = start(args, { cwd });
  await server.reached(20);
  child.kill("SIGINT");
  const { status, stderr } = await ended;
  assert.equal(status, 130, stderr);
  server.latencyMs = 0;
  return { server, url, cwd, input, args, before: server.total, folder: join(cwd, ".edgebatch", name) };
}

const later = new Date(Date.now() + 3_600_000);
const lines = (path: string) => readFileSync(path, "utf8").split("\n").length - 1;

suite("a run that is given again", () => {
  test("goes on when the file has a new time, or was written anew with the same bytes", async () => {
    const { server, cwd, input, args } = await interrupted();
    utimesSync(input, later, later);
    const copy = readFileSync(input);
    rmSync(input);
    writeFileSync(input, copy);
    const { status, stderr } = await edgebatch(args, { cwd });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /resuming/);
    assert.equal(server.total, 60, "no call was made twice");
  });

  test("goes on when other bytes of the same length are there only if nothing was answered yet", async () => {
    const { cwd, input, args } = await interrupted();
    writeFileSync(input, text(60, "TEXT"));
    const refused = await edgebatch(args, { cwd });
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /has changed since its run began; --fresh .*--salvage/);
  });

  test("goes on in a folder that was moved, through a link to it, and by another name of the host", async () => {
    const { server, cwd, args, url } = await interrupted();
    const moved = `${cwd}-moved`;
    renameSync(cwd, moved);
    const linked = `${cwd}-linked`;
    symlinkSync(moved, linked);
    const named = args.map((arg) => (arg === url ? url.replace("127.0.0.1", "localhost") : arg));
    const { status, stderr } = await edgebatch(named, { cwd: linked });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /resuming/);
    assert.equal(server.total, 60);
  });

  test("is the same run with the endpoint that the file names", async () => {
    const { server, cwd, args } = await interrupted();
    const { status, stderr } = await edgebatch([...args, "--endpoint", "/v1/chat/completions"], { cwd });
    assert.equal(status, 0, stderr);
    assert.equal(server.total, 60);
  });

  test("tells of the unfinished one when the server or the endpoint is another", async () => {
    const { cwd, args, url } = await interrupted();
    for (const other of [
      ["run", "in.jsonl", "--url", "http://localhost:1/v1"],
      ["run", "in.jsonl"],
      [...args, "--endpoint", "/v1/embeddings"],
    ]) {
      const { status, stderr } = await edgebatch(other, { cwd });
      assert.equal(status, 2);
      assert.match(
        stderr,
        /an unfinished run of in\.jsonl is here .*of http:\/\/localhost.*--fresh discards it/,
      );
      assert.ok(stderr.includes(new URL(url).port), "it says which server");
    }
  });

  test("begins with another server at once when the first has answered nothing", async () => {
    const wrong = new ModelServer();
    const wrongUrl = await wrong.listen();
    wrong.reply = () => ({ status: 404 });
    const right = new ModelServer();
    const url = await right.listen();
    const cwd = mkdtempSync(join(at, "s-"));
    writeFileSync(join(cwd, "in.jsonl"), text(5));
    assert.equal((await edgebatch(["run", "in.jsonl", "--url", wrongUrl], { cwd })).status, 3);
    const { status, stderr } = await edgebatch(["run", "in.jsonl", "--url", url], { cwd });
    assert.equal(status, 0, stderr);
    assert.equal(right.total, 5);
  });

  test("can be given up, and what it has be taken, when the file has changed or is gone", async () => {
    for (const spoil of [
      (input: string) => writeFileSync(input, "other\n"),
      (input: string) => rmSync(input),
    ]) {
      const { server, cwd, input, args, before } = await interrupted();
      spoil(input);
      const { status, stderr } = await edgebatch([...args, "--salvage"], { cwd });
      assert.equal(status, 0, stderr);
      assert.match(stderr, /salvaged: 60 requests: \d+ completed/);
      assert.equal(lines(join(cwd, "in.output.jsonl")), before);
      assert.equal(server.total, before, "nothing more was asked");
      assert.equal(existsSync(join(cwd, ".edgebatch")), false);
      const again = await edgebatch([...args, "--salvage"], { cwd });
      assert.equal(again.status, 2);
      assert.match(again.stderr, /no unfinished run/);
      assert.equal(existsSync(join(cwd, ".edgebatch")), false, "asking leaves no trace");
    }
  });

  test("has no deadline, unless it is given one", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 100;
    const cwd = mkdtempSync(join(at, "s-"));
    writeFileSync(join(cwd, "in.jsonl"), text(60));
    const args = ["run", "in.jsonl", "--url", url, "--concurrency", "1", "--window", "2s"];
    const expired = await edgebatch(args, { cwd });
    assert.equal(expired.status, 1);
    assert.match(expired.stderr, /expired: 60 requests.*\n.*batch_expired/);
    const { stdout } = await edgebatch(["run", "in.jsonl", "--force", "--json"], { cwd });
    assert.equal(JSON.parse(stdout).expires_at, null);
  });
});

suite("a file while it is run", () => {
  async function running() {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 5;
    const cwd = mkdtempSync(join(at, "s-"));
    const input = join(cwd, "in.jsonl");
    // More than what is read ahead, so that it is read on after it was touched.
    writeFileSync(input, text(600, "x".repeat(20_000)));
    const args = ["run", "in.jsonl", "--url", url, "--concurrency", "4"];
    const { ended } = start(args, { cwd });
    await server.reached(30);
    return { server, cwd, input, args, ended };
  }

  test("may be touched, replaced and removed", async () => {
    const { server, cwd, input, ended } = await running();
    utimesSync(input, later, later);
    await server.reached(60);
    renameSync(input, `${input}.old`);
    writeFileSync(input, "other\n");
    await server.reached(90);
    rmSync(input);
    rmSync(`${input}.old`);
    const { status, stderr } = await ended;
    assert.equal(status, 0, stderr);
    assert.equal(lines(join(cwd, "in.output.jsonl")), 600);
  });

  test("stops its run when it is written over, which keeps what it has", async () => {
    const { cwd, input, args, ended } = await running();
    writeFileSync(input, text(600, "y".repeat(20_000)));
    const { status, stderr } = await ended;
    assert.equal(status, 2, stderr);
    assert.match(stderr, /in\.jsonl has changed while it was run; --fresh .*--salvage/);
    const salvaged = await edgebatch([...args, "--salvage"], { cwd });
    assert.equal(salvaged.status, 0, salvaged.stderr);
    assert.ok(lines(join(cwd, "in.output.jsonl")) >= 26);
  });
});

suite("a packed file", () => {
  const packings: [string, (text: string) => Uint8Array][] = [["in.jsonl.gz", zlib.gzipSync]];
  // A runtime that cannot pack it reads it all the same.
  const zstd = zlib.zstdCompressSync as typeof zlib.zstdCompressSync | undefined;
  if (zstd) packings.push(["in.jsonl.zst", zstd]);

  for (const [name, pack] of packings) {
    test(`is run like one that is not: ${name}`, async () => {
      const { server, cwd, args, input } = await interrupted(60, [], name, pack(text(60)));
      utimesSync(input, later, later);
      const { status, stderr } = await edgebatch(args, { cwd });
      assert.equal(status, 0, stderr);
      assert.equal(server.total, 60);
      assert.equal(lines(join(cwd, "in.output.jsonl")), 60);
      assert.deepEqual(readdirSync(cwd).sort(), [`in.jsonl.${name.split(".")[2]}`, "in.output.jsonl"].sort());
      assert.equal((await edgebatch(["validate", name], { cwd })).status, 0);
    });
  }

  test("of several zstd frames is read to its end", { skip: !zstd }, async () => {
    const cwd = mkdtempSync(join(at, "s-"));
    const frame = zlib.zstdCompressSync(text(1));
    writeFileSync(
      join(cwd, "two.jsonl.zst"),
      Buffer.concat([frame, zlib.zstdCompressSync(text(5).slice(text(1).length))]),
    );
    const { status, stderr } = await edgebatch(["validate", "two.jsonl.zst"], { cwd });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /5 requests/);
  });

  test("that is damaged is told in a sentence", async () => {
    const cwd = mkdtempSync(join(at, "s-"));
    for (const [name, pack] of packings) {
      writeFileSync(join(cwd, name), pack(text(500)).subarray(0, 200));
      for (const command of ["validate", "run"]) {
        const { status, stderr } = await edgebatch([command, name], { cwd });
        assert.equal(status, 2, stderr);
        assert.match(
          stderr,
          /^edgebatch: the (gzip data is damaged|zstd data cannot be unpacked: it is cut off)/,
        );
      }
    }
    assert.equal(existsSync(join(cwd, ".edgebatch")), false);
  });
});

suite("a state folder", () => {
  test("is its owner's alone, and holds no key, not even one that came in the address", async () => {
    const { cwd, folder: state, server, url, args } = await interrupted(60, ["--key", "sk-secret"]);
    for (const path of [join(cwd, ".edgebatch"), state]) assert.equal(statSync(path).mode & 0o077, 0, path);
    const again = args.map((arg) => (arg === url ? `${url}?api_key=also-secret` : arg));
    server.latencyMs = 20;
    const { child, ended } = start(again, { cwd });
    await server.reached(30);
    child.kill("SIGINT");
    assert.match((await ended).stderr, /resuming/);
    const files = readdirSync(state, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    assert.ok(files.length > 2);
    for (const { parentPath, name } of files) {
      assert.doesNotMatch(readFileSync(join(parentPath, name), "latin1"), /secret/, name);
    }
  });
});

suite("a damaged state", () => {
  test("is told, and never begun anew unless --fresh says so", async () => {
    const { cwd, args, folder: state, server, before } = await interrupted();
    const kept = `${state}-kept`;
    cpSync(state, kept, { recursive: true });
    for (const [what, spoil] of [
      [/job\.json/, () => writeFileSync(join(state, "job.json"), "{")],
      [/job\.json/, () => writeFileSync(join(state, "job.json"), "")],
      [/batch\.db.*gone/, () => rmSync(join(state, "batch.db"))],
      [/batch\.db.*not a database/, () => writeFileSync(join(state, "batch.db"), "x".repeat(9_000))],
      [/batch\.db.*another one/, () => writeFileSync(join(state, "batch.db"), "")],
      [/lock\.db.*delete it/, () => writeFileSync(join(state, "lock.db"), "x".repeat(9_000))],
    ] as [RegExp, () => void][]) {
      rmSync(state, { recursive: true });
      cpSync(kept, state, { recursive: true });
      for (const name of ["batch.db-wal", "batch.db-shm"]) rmSync(join(state, name), { force: true });
      spoil();
      const { status, stderr } = await edgebatch(args, { cwd });
      assert.equal(status, 2, stderr);
      assert.match(stderr, what);
      assert.doesNotMatch(stderr, /\n\s+at /);
    }
    assert.equal(server.total, before, "nothing was run again");
    rmSync(join(state, "lock.db"));
    const { status, stderr } = await edgebatch([...args, "--fresh"], { cwd });
    assert.equal(status, 0, stderr);
  });

  test("of which only the lock is gone goes on", async () => {
    const { cwd, args, folder: state, server } = await interrupted();
    rmSync(join(state, "lock.db"));
    assert.equal((await edgebatch(args, { cwd })).status, 0);
    assert.equal(server.total, 60);
  });

  test("cannot arise where nothing can be written: the options that help are named", async (t) => {
    const cwd = mkdtempSync(join(at, "s-"));
    writeFileSync(join(cwd, "in.jsonl"), text(1));
    mkdirSync(join(cwd, "out"));
    // Node says ENOENT of a read-only file system, and so does /proc to everybody.
    const { status, stderr } = await edgebatch(["run", "in.jsonl", "--state", "/proc/none/state"], { cwd });
    if (!existsSync("/proc/self")) return t.skip("there is no /proc");
    assert.equal(status, 2);
    assert.match(stderr, /cannot be kept in \/proc\/none\/state.*--state/);
  });
});
