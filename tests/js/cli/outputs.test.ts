/** Where the answers go: files, and what is no file; and what is said about them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  createReadStream,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import test, { suite } from "node:test";
import { edgebatch, folder, line } from "./command.ts";
import { ModelServer } from "./server.ts";

const at = folder();

function job(requests = 3): string {
  const cwd = mkdtempSync(join(at, "o-"));
  writeFileSync(join(cwd, "in.jsonl"), Array.from({ length: requests }, (_, i) => line(`r${i}`)).join(""));
  return cwd;
}

const ids = (lines: string) =>
  lines
    .trimEnd()
    .split("\n")
    .map((shown) => (JSON.parse(shown) as { custom_id: string }).custom_id);

suite("the output of a run", () => {
  test("goes to standard output for -, /dev/stdout and a pipe there", async () => {
    for (const name of ["-", "/dev/stdout"]) {
      const cwd = job();
      const { status, stdout, stderr } = await edgebatch(["run", "in.jsonl", "--out", name], { cwd });
      assert.equal(status, 0, stderr);
      assert.deepEqual(ids(stdout), ["r0", "r1", "r2"]);
      assert.equal(existsSync(join(cwd, "-")), false);
    }
  });

  test("of which both would be standard output is refused, and so is JSON among answers", async () => {
    const cwd = job();
    const both = await edgebatch(["run", "in.jsonl", "--out", "-", "--errors", "-"], { cwd });
    assert.match(both.stderr, /name the same file/);
    const json = await edgebatch(["run", "in.jsonl", "--out", "-", "--json"], { cwd });
    assert.equal(json.status, 2);
    assert.match(json.stderr, /--json writes to standard output too/);
  });

  test("is poured into a device or a pipe, which are never replaced, forced or not", async () => {
    const cwd = job();
    for (const force of [[], ["--force"]]) {
      const { status, stderr } = await edgebatch(["run", "in.jsonl", "--out", "/dev/null", ...force], {
        cwd,
      });
      assert.equal(status, 0, stderr);
      assert.ok(lstatSync("/dev/null").isCharacterDevice());
    }
    const pipe = join(cwd, "pipe");
    execFileSync("mkfifo", [pipe]);
    const reading = text(createReadStream(pipe));
    const { status, stderr } = await edgebatch(["run", "in.jsonl", "--out", "pipe", "--force"], { cwd });
    assert.equal(status, 0, stderr);
    assert.deepEqual(ids(await reading), ["r0", "r1", "r2"]);
    assert.ok(lstatSync(pipe).isFIFO());
  });

  test("replaces what a link leads to, not the link, and only when forced to", async () => {
    const cwd = job();
    writeFileSync(join(cwd, "old"), "precious");
    symlinkSync("old", join(cwd, "link"));
    const refused = await edgebatch(["run", "in.jsonl", "--out", "link"], { cwd });
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /old exists; --force replaces it/);
    assert.equal((await edgebatch(["run", "in.jsonl", "--out", "link", "--force"], { cwd })).status, 0);
    assert.ok(lstatSync(join(cwd, "link")).isSymbolicLink());
    assert.deepEqual(ids(readFileSync(join(cwd, "old"), "utf8")), ["r0", "r1", "r2"]);
  });

  test("that cannot be written is noticed before the first call, and no state is made", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    const cwd = job();
    mkdirSync(join(cwd, "dir"));
    symlinkSync("nowhere", join(cwd, "dangling"));
    for (const [name, what] of [
      ["dir", /dir is a directory/],
      ["dangling", /dangling is a link to nowhere, which does not exist/],
      ["none/x", /none: no such folder/],
      ["in.jsonl/x", /no such folder/],
      ["/proc/self/x", /not writable|no such folder/],
    ] as const) {
      if (name.startsWith("/proc") && process.getuid?.() === 0) continue;
      const args = ["run", "in.jsonl", "--url", url, "--out", name, "--force"];
      const { status, stderr } = await edgebatch(args, { cwd });
      assert.equal(status, 2, name);
      assert.match(stderr, what);
    }
    assert.equal(server.total, 0);
    assert.equal(existsSync(join(cwd, ".edgebatch")), false);
  });

  test("is named in the JSON, with the reasons of failures", async () => {
    const cwd = job();
    writeFileSync(join(cwd, "in.jsonl"), line("a") + line("b").replace('"hello"', "7") + line("c"));
    const { status, stdout } = await edgebatch(["run", "in.jsonl", "--json"], { cwd });
    assert.equal(status, 0);
    const { files, failures, request_counts } = JSON.parse(stdout);
    assert.deepEqual(files, { output: join(cwd, "in.output.jsonl"), errors: join(cwd, "in.errors.jsonl") });
    assert.deepEqual(request_counts, { total: 3, completed: 2, failed: 1 });
    assert.equal(failures.length, 1);
    assert.match(failures[0].reason, /^400/);
    assert.equal(failures[0].count, 1);
  });
});

suite("the summary of a run", () => {
  test("says why requests failed, by status and code, and --fail-on-error makes it the exit status", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.reply = (content) => {
      if (content === "long") return { status: 400, code: "context_length_exceeded" };
      return content === "odd" ? { status: 422 } : { status: 200 };
    };
    const cwd = job();
    const contents = ["hello", "long", "odd", "long", "hello", "long"];
    writeFileSync(join(cwd, "in.jsonl"), contents.map((content, i) => line(`r${i}`, content)).join(""));
    const { status, stderr } = await edgebatch(["run", "in.jsonl", "--url", url], { cwd });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^failed: 3 x 400 context_length_exceeded, 1 x 422$/m);
    const failing = await edgebatch(["run", "in.jsonl", "--url", url, "--force", "--fail-on-error"], { cwd });
    assert.equal(failing.status, 1);
  });

  test("counts the errors of a bad file, and points elsewhere only when there are more", async () => {
    const cwd = job();
    writeFileSync(join(cwd, "in.jsonl"), "{x\n".repeat(5));
    const { stderr } = await edgebatch(["run", "in.jsonl"], { cwd });
    assert.match(stderr, /failed: 5 errors in in\.jsonl$/m);
    writeFileSync(join(cwd, "in.jsonl"), "{x\n".repeat(1_005));
    assert.match(
      (await edgebatch(["run", "in.jsonl"], { cwd })).stderr,
      /; edgebatch validate counts them all$/m,
    );
  });

  test("of an empty file is an error, as in validate", async () => {
    const cwd = job();
    for (const content of ["", "\n \n"]) {
      writeFileSync(join(cwd, "in.jsonl"), content);
      for (const command of ["run", "validate"]) {
        const { status, stdout } = await edgebatch([command, "in.jsonl"], { cwd });
        assert.equal(status, 1);
        assert.match(stdout, /^in\.jsonl: empty_file: The input file is empty/);
      }
    }
    assert.equal(existsSync(join(cwd, "in.output.jsonl")), false);
  });
});
