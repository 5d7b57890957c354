import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { suite } from "node:test";
import { edgebatch, folder, line, start } from "./command.ts";
import { ModelServer } from "./server.ts";

const at = folder();
let folders = 0;

/** A folder with `in.jsonl` of so many requests, `r0` and so on. */
function job(requests: number, content: (i: number) => string = (i) => `text ${i}`) {
  const cwd = join(at, String(folders++));
  mkdirSync(cwd);
  const input = join(cwd, "in.jsonl");
  writeFileSync(input, Array.from({ length: requests }, (_, i) => line(`r${i}`, content(i))).join(""));
  return { cwd, input, output: join(cwd, "in.output.jsonl"), errors: join(cwd, "in.errors.jsonl") };
}

interface ResultLine {
  custom_id: string;
  response: { status_code: number; body: { choices: { message: { content: string } }[] } } | null;
  error: { code: string } | null;
}

function lines(path: string): ResultLine[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text) as ResultLine);
}

/** Every request exactly once over both files, each file in input order. */
function assertWhole(output: string, errors: string, requests: number): void {
  const all = [output, errors].flatMap((path) => {
    const numbers = lines(path).map(({ custom_id }) => Number(custom_id.slice(1)));
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
      "in input order",
    );
    return numbers;
  });
  assert.deepEqual(
    all.sort((a, b) => a - b),
    Array.from({ length: requests }, (_, i) => i),
  );
}

suite("edgebatch run", () => {
  test("runs a file on the embedded model and leaves both files and nothing else", async () => {
    const { cwd, output, errors } = job(50);
    appendFileSync(join(cwd, "in.jsonl"), line("r50").replace('"hello"', "7"));
    const { status, stdout, stderr } = await edgebatch(["run", "in.jsonl"], { cwd });
    assert.deepEqual([status, stdout], [0, ""], stderr);
    assert.match(stderr, /embedded model echo-1/);
    assert.match(stderr, /completed: 51 requests: 50 completed, 1 failed/);
    assertWhole(output, errors, 51);
    assert.equal(lines(errors)[0]?.response?.status_code, 400);
    assert.deepEqual(readdirSync(cwd).sort(), ["in.errors.jsonl", "in.jsonl", "in.output.jsonl"]);
  });

  test("prints the errors of a file that is no batch, as validate does", async () => {
    const { cwd, input } = job(1);
    appendFileSync(input, "nonsense\n");
    const { status, stdout } = await edgebatch(["run", "in.jsonl"], { cwd });
    assert.equal(status, 1);
    assert.equal(stdout, "in.jsonl:2: invalid_json_line: This line is not parseable as valid JSON.\n");
    assert.deepEqual(readdirSync(cwd), ["in.jsonl"]);
  });

  test("goes on after kill -9, again and again, with nothing lost and nothing twice", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 20;
    const { cwd, output, errors } = job(600);
    const concurrency = 8;
    const args = ["run", "in.jsonl", "--url", url, "--concurrency", String(concurrency)];
    let kills = 0;
    for (const calls of [1, 120, 260, 420]) {
      const { child, ended } = start(args, { cwd });
      await server.reached(calls);
      child.kill("SIGKILL");
      assert.equal((await ended).signal, "SIGKILL");
      assert.equal(existsSync(output), false, "nothing half done is in place");
      kills += 1;
    }
    const { status, stderr } = await edgebatch(args, { cwd });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /resuming/);
    assertWhole(output, errors, 600);
    assert.equal(server.calls.size, 600, "an idempotency key belongs to one line for ever");
    // In flight at a kill, or answered and not yet written: a group is written after 64 results or 250 ms.
    const perKill = concurrency + Math.max(64, Math.ceil((250 / server.latencyMs) * concurrency));
    assert.ok(server.total - 600 <= kills * perKill, `${server.total - 600} calls were repeated`);
    assert.ok(
      server.mostInFlight <= 2 * concurrency,
      "no more at once than allowed, beside those of a killed process",
    );
  });

  test("stops cleanly on Ctrl-C and then repeats no call at all", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 30;
    const { cwd, output, errors } = job(300);
    const args = ["run", "in.jsonl", "--url", url, "--concurrency", "6"];
    for (const calls of [40, 150]) {
      const { child, ended } = start(args, { cwd });
      await server.reached(calls);
      child.kill("SIGINT");
      const { status, stderr } = await ended;
      assert.equal(status, 130, stderr);
      assert.match(stderr, /in flight may end/);
      assert.match(stderr, /the same command resumes/);
    }
    assert.equal((await edgebatch(args, { cwd })).status, 0);
    assertWhole(output, errors, 300);
    assert.equal(server.total, 300);
  });

  test("asks once what is the same with --dedupe, also after a kill, and answers each line", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 20;
    const { cwd, output, errors } = job(300, (i) => `text ${i % 100}`);
    const args = ["run", "in.jsonl", "--url", url, "--concurrency", "4"];
    const first = start([...args, "--dedupe"], { cwd });
    await server.reached(30);
    first.child.kill("SIGKILL");
    await first.ended;
    // It goes on as it began, whether that is said again or not.
    const { status, stderr } = await edgebatch(args, { cwd });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /completed: 300 requests: 300 completed, 0 failed, 200 of them not asked again/);
    assertWhole(output, errors, 300);
    assert.equal(server.calls.size, 100);
    const answers = lines(output).map(({ response }) => response?.body.choices[0]?.message.content);
    assert.ok(answers.every((answer, i) => answer === answers[i % 100]));
    // One that began without it has asked some of them already.
    const plain = job(300, (i) => `text ${i % 100}`);
    const second = start(args, { cwd: plain.cwd });
    await server.reached(server.total + 20);
    second.child.kill("SIGKILL");
    await second.ended;
    const refused = await edgebatch([...args, "--dedupe"], { cwd: plain.cwd });
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /without --dedupe: the same command without it resumes it/);
  });

  test("keeps a second run of the same batch out", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 50;
    const { cwd } = job(100);
    const args = ["run", "in.jsonl", "--url", url, "--concurrency", "2"];
    const first = start(args, { cwd });
    await server.reached(1);
    const second = await edgebatch(args, { cwd });
    assert.equal(second.status, 2);
    assert.match(
      second.stderr,
      new RegExp(`another edgebatch is running this file: process ${first.child.pid} on .*, since \\d{4}-`),
    );
    first.child.kill("SIGKILL");
    await first.ended;
  });

  test("goes on only over the same input, and starts over with --fresh", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 20;
    const { cwd, input, output, errors } = job(60);
    const args = ["run", "in.jsonl", "--url", url, "--concurrency", "2"];
    const { child, ended } = start(args, { cwd });
    await server.reached(5);
    child.kill("SIGKILL");
    await ended;
    appendFileSync(input, line("r60"));
    const refused = await edgebatch(args, { cwd });
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /has changed since its run began.*--fresh/s);
    server.latencyMs = 0;
    assert.equal((await edgebatch([...args, "--fresh"], { cwd })).status, 0);
    assertWhole(output, errors, 61);
  });

  test("overwrites no output file without --force", async () => {
    const { cwd, output } = job(3);
    writeFileSync(output, "precious");
    const refused = await edgebatch(["run", "in.jsonl"], { cwd });
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /in\.output\.jsonl exists; --force replaces it/);
    assert.equal(readFileSync(output, "utf8"), "precious");
    assert.equal((await edgebatch(["run", "in.jsonl", "--force"], { cwd })).status, 0);
    assert.equal(lines(output).length, 3);
  });

  test("puts each answer into the file it belongs to, after as many tries as it may have", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.reply = (text, call) => {
      if (text === "text 1") return { status: 400 };
      if (text === "text 2") return { status: 500, headers: { "retry-after-ms": "1" } };
      if (text === "text 3" && call < 3) return { status: 429, headers: { "retry-after-ms": "5" } };
      return { status: 200 };
    };
    const { cwd, output, errors } = job(6);
    const args = ["run", "in.jsonl", "--url", url, "--max-attempts", "3", "--json"];
    const { status, stdout } = await edgebatch(args, { cwd });
    assert.equal(status, 0);
    const batch = JSON.parse(stdout);
    assert.deepEqual(
      [batch.status, batch.request_counts],
      ["completed", { total: 6, completed: 4, failed: 2 }],
    );
    assertWhole(output, errors, 6);
    assert.deepEqual(
      lines(errors).map(({ custom_id, response }) => [custom_id, response?.status_code]),
      [
        ["r1", 400],
        ["r2", 500],
      ],
    );
    const calls = [...server.calls.values()].sort();
    assert.deepEqual(calls.slice(0, 5), [1, 1, 1, 1, 3]);
    assert.ok(Number(calls[5]) >= 3, "tries count where others are answered");
  });

  test("says what is wrong with what it was given, and leaves no trace", async () => {
    const { cwd } = job(1);
    for (const [args, text] of [
      [["none.jsonl"], /none\.jsonl: no such file/],
      [["-"], /standard input/],
      [["."], /is not a regular file/],
      [["in.jsonl", "--url", "nonsense"], /is not an address/],
      [["in.jsonl", "--concurrency", "0"], /whole number/],
      [["in.jsonl", "--out", "x", "--errors", "x"], /name the same file/],
      [["in.jsonl", "--out", "none/x"], /no such folder/],
    ] as [string[], RegExp][]) {
      const { status, stderr } = await edgebatch(["run", ...args], { cwd });
      assert.equal(status, 2, args.join(" "));
      assert.match(stderr, text);
      assert.deepEqual(readdirSync(cwd), ["in.jsonl"], args.join(" "));
    }
  });
});
