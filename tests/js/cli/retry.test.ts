import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { suite } from "node:test";
import { gzipSync } from "node:zlib";
import { serving, stateFolder } from "../node/serving.ts";
import { edgebatch, folder, line, start } from "./command.ts";
import { OpenAIServer } from "./openai-server.ts";
import { ModelServer } from "./server.ts";

const at = folder();
const ids = Array.from({ length: 10 }, (_, i) => `r${i}`);

function good(custom_id: string, content = "old") {
  const body = { choices: [{ message: { content } }] };
  return `${JSON.stringify({ id: "x", custom_id, response: { status_code: 200, body }, error: null })}\n`;
}

function bad(custom_id: string, code = "batch_expired", status_code: number | null = null) {
  const response = status_code === null ? null : { status_code, body: { error: { code } } };
  const error = response === null ? { code, message: "" } : null;
  return `${JSON.stringify({ custom_id, response, error })}\n`;
}

/** A folder with an input, and what a server made of it: in another order, and not of all. */
function job(files: Record<string, string | Uint8Array> = {}) {
  const cwd = mkdtempSync(join(at, "r-"));
  const all = {
    "in.jsonl": ids.map((id) => line(id, `new ${id}`)).join(""),
    "out.jsonl": good("r7") + good("r0") + good("r3"),
    "err.jsonl":
      bad("r1", "rate_limit", 429) + bad("r2") + bad("r4", "batch_cancelled") + bad("r9", "x", 500),
    ...files,
  };
  for (const [name, content] of Object.entries(all)) writeFileSync(join(cwd, name), content);
  const tmp = mkdtempSync(join(at, "tmp-"));
  const retry = (...args: string[]) => edgebatch(["retry", ...args], { cwd, env: { TMPDIR: tmp } });
  const read = (name: string) => readFileSync(join(cwd, name), "utf8");
  const idsIn = (name: string) =>
    read(name)
      .trimEnd()
      .split("\n")
      .map((text) => JSON.parse(text).custom_id as string);
  return { cwd, tmp, retry, read, idsIn, has: (name: string) => existsSync(join(cwd, name)) };
}

const results = ["--output", "out.jsonl", "--errors", "err.jsonl"];

suite("edgebatch retry of files", () => {
  test("writes the lines without an answer as they are, in the order of the input", async () => {
    const { tmp, retry, read } = job();
    const { status, stdout, stderr } = await retry("in.jsonl", ...results);
    assert.deepEqual([status, stdout], [0, ""], stderr);
    const left = ["r1", "r2", "r4", "r5", "r6", "r8", "r9"];
    assert.equal(read("in.retry.jsonl"), left.map((id) => line(id, `new ${id}`)).join(""));
    assert.match(stderr, /^7 of 10 requests are to run: wrote .*in\.retry\.jsonl$/m);
    assert.deepEqual(readdirSync(tmp), []);
  });

  test("--only leaves out what ended otherwise, and what never ran runs in any case", async () => {
    const never = ["r5", "r6", "r8"];
    for (const [only, more] of [
      ["expired", ["r2"]],
      ["cancelled,expired", ["r2", "r4"]],
      ["failed", ["r1", "r9"]],
    ] as const) {
      const { retry, idsIn } = job();
      assert.equal((await retry("in.jsonl", ...results, "--only", only, "--to", "left.jsonl")).status, 0);
      assert.deepEqual(idsIn("left.jsonl"), [...more, ...never].sort(), only);
    }
  });

  test("an answer counts wherever it stands, and a 2xx that names an error is none", async () => {
    const named = {
      custom_id: "r5",
      response: { status_code: 200, body: { error: { code: "x" } } },
      error: null,
    };
    const { retry, idsIn } = job({
      "out.jsonl": good("r1") + bad("r3"),
      "err.jsonl": `${bad("r1") + good("r3") + bad("r1")}${JSON.stringify(named)}\n`,
    });
    await retry("in.jsonl", ...results);
    assert.deepEqual(idsIn("in.retry.jsonl"), ["r0", "r2", "r4", "r5", "r6", "r7", "r8", "r9"]);
  });

  test("--merge joins what there is: the last result of each, answers first, in the order of the input", async () => {
    const { retry, read, idsIn } = job({
      "out2.jsonl": good("r9", "new") + good("r2", "new") + good("r5", "new").trimEnd(),
      "err2.jsonl": bad("r0", "late", 500) + bad("r1", "again", 500),
    });
    const more = ["--output", "out2.jsonl", "--errors", "err2.jsonl", "--merge", "all.jsonl"];
    const { status, stderr } = await retry("in.jsonl", ...results, ...more);
    assert.equal(status, 0, stderr);
    assert.deepEqual(idsIn("all.jsonl"), ["r0", "r1", "r2", "r3", "r4", "r5", "r7", "r9"]);
    const [r0, r1, r2, , , r5] = read("all.jsonl").split("\n");
    assert.deepEqual([`${r0}\n`, `${r2}\n`], [good("r0"), good("r2", "new")]);
    assert.deepEqual([`${r1}\n`, `${r5}\n`], [bad("r1", "again", 500), good("r5", "new")]);
    assert.match(stderr, /^merged: 10 requests: 6 answered, 2 failed, 2 without any result$/m);
    const again = await retry("in.jsonl", ...results, ...more);
    assert.deepEqual([again.status, /exists; --force/.test(again.stderr)], [2, true]);
    assert.equal((await retry("in.jsonl", ...results, ...more, "--force")).status, 0);
    const printed = await retry("in.jsonl", ...results, ...more.slice(0, -1), "-");
    assert.equal(printed.stdout, read("all.jsonl"));
  });

  test("--url runs them, and --merge then has old and new; a second time nothing is left", async () => {
    const model = new ModelServer();
    model.reply = (text) => ({ status: text === "new r6" ? 400 : 200 });
    const url = await model.listen();
    const { retry, idsIn, read, has } = job({
      "in.jsonl.gz": gzipSync(ids.map((id) => line(id, `new ${id}`)).join("")),
    });
    const { status, stderr } = await retry("in.jsonl.gz", ...results, "--url", url, "--merge", "all.jsonl");
    assert.equal(status, 0, stderr);
    assert.equal(model.total, 7);
    assert.deepEqual(idsIn("all.jsonl"), ids);
    assert.match(stderr, /^merged: 10 requests: 9 answered, 1 failed$/m);
    assert.match(read("all.jsonl").split("\n")[0] as string, /"old"/);
    assert.equal(JSON.parse(read("all.jsonl").split("\n")[6] as string).response.status_code, 400);
    const done = job({ "out.jsonl": ids.map((id) => good(id)).join("") });
    const nothing = await done.retry("in.jsonl", ...results, "--url", url, "--merge", "all.jsonl");
    assert.match(nothing.stderr, /^10 requests, and none is to run again$/m);
    assert.deepEqual(
      [done.idsIn("all.jsonl"), done.has("in.retry.jsonl"), has("in.retry.jsonl")],
      [ids, false, true],
    );
    assert.equal(model.total, 7);
  });

  test("a run that was killed is resumed by the same command, and then merged", async () => {
    const model = new ModelServer();
    model.latencyMs = 50;
    const url = await model.listen();
    const many = Array.from({ length: 60 }, (_, i) => `m${i}`);
    const { cwd, tmp, retry, idsIn } = job({
      "in.jsonl": many.map((id) => line(id, id)).join(""),
      "out.jsonl": good("m7"),
    });
    const args = [
      "in.jsonl",
      "--output",
      "out.jsonl",
      "--url",
      url,
      "--merge",
      "all.jsonl",
      "--concurrency",
      "2",
    ];
    const { child, ended } = start(["retry", ...args], { cwd, env: { TMPDIR: tmp } });
    await model.reached(30);
    child.kill("SIGKILL");
    await ended;
    const { status, stderr } = await retry(...args);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^edgebatch: resuming /m);
    assert.deepEqual(idsIn("all.jsonl"), many);
    assert.equal(model.calls.size, 59);
    assert.ok(model.total < 59 + 30, `${model.total} calls`);
  });

  test("lines that are no results are told of, and an input that is none is refused by its line", async () => {
    const cut = job({ "out.jsonl": `${good("r0")}\n[1]\n${good("r3").slice(0, 20)}` });
    const { stderr } = await cut.retry("in.jsonl", "--output", "out.jsonl");
    assert.match(stderr, /^edgebatch: 2 lines of out\.jsonl are no result$/m);
    assert.deepEqual(cut.idsIn("in.retry.jsonl"), ids.slice(1));
    const wrong = job({ "in.jsonl": `\n${line("a")}{"custom_id": 7}\n` });
    const refused = await wrong.retry("in.jsonl", ...results);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /in\.jsonl:3 is no request/);
    assert.ok(!wrong.has("in.retry.jsonl"));
  });

  test("ids of any shape are told apart, and very long lines are read", async () => {
    const strange = ["", "a", "a ", "\u00e4", "a\u0308", "x".repeat(100_000), "__proto__"];
    const text = strange.map((id) => line(id)).join("");
    const { retry, idsIn } = job({
      "in.jsonl": text,
      "out.jsonl": good("a") + good("\u00e4", "y".repeat(3_000_000)) + good("x".repeat(100_000)),
    });
    await retry("in.jsonl", "--output", "out.jsonl");
    assert.deepEqual(idsIn("in.retry.jsonl"), ["", "a ", "a\u0308", "__proto__"]);
  });

  test("what cannot be meant is refused by name, and nothing that is read is written over", async () => {
    const { retry, read } = job({ "out.gz": gzipSync(good("r0")) });
    for (const [args, message] of [
      [["in.jsonl"], /in\.jsonl is a file: name what has been answered of it by --output/],
      [["nowhere.jsonl", "--errors", "err.jsonl"], /there is no file nowhere\.jsonl/],
      [["nowhere.jsonl", "--output", "out.jsonl"], /nowhere\.jsonl: no such file/],
      [["in.jsonl", "--output", "none.jsonl"], /none\.jsonl: no such file/],
      [["in.jsonl", "--output", "out.gz"], /out\.gz is packed/],
      [["-", "--output", "out.jsonl"], /not standard input/],
      [["in.jsonl", ...results, "--merge"], /--merge names the one to write/],
      [
        ["in.jsonl", ...results, "--merge", "out.jsonl", "--force"],
        /--merge names out\.jsonl, which is to be read/,
      ],
      [["in.jsonl", ...results, "--to", "in.jsonl", "--force"], /--to names in\.jsonl, which is to be read/],
      [["in.jsonl", ...results, "--only", "late"], /some of failed, expired, cancelled/],
      [["in.jsonl", ...results, "--wait"], /--wait is for a batch/],
      [["batch_1", "--merge", "all.jsonl"], /of a batch, --merge takes no file/],
    ] as const) {
      const { status, stderr } = await retry(...args);
      assert.equal(status, 2, `${args}: ${stderr}`);
      assert.match(stderr, message);
    }
    assert.equal(read("out.jsonl"), good("r7") + good("r0") + good("r3"));
  });
});

suite("edgebatch retry of a batch", () => {
  test("goes on where a batch of serve ended, merges, and is watched to its end", async () => {
    const model = new ModelServer();
    let broken = true;
    model.reply = (text) => ({ status: broken && text === "new r4" ? 400 : 200 });
    const server = await serving(["--data", stateFolder(), "--url", await model.listen()]);
    const cwd = job().cwd;
    const run = (...args: string[]) => edgebatch(args, { cwd, env: { EDGEBATCH_URL: `${server.url}/v1` } });
    const old = (await run("submit", "in.jsonl", "--wait", "--metadata", "a=b")).stdout.trim();
    assert.equal(model.total, 10);
    broken = false;
    const { status, stdout, stderr } = await run("retry", old, "--merge", "--wait");
    assert.equal(status, 0, stderr);
    assert.equal(model.total, 11);
    const id = stdout.trim();
    assert.match(id, /^batch_[0-9a-f]+$/);
    assert.notEqual(id, old);
    assert.equal((await run("results", id, "--out", "all.jsonl")).status, 0);
    const lines = readFileSync(join(cwd, "all.jsonl"), "utf8").trimEnd().split("\n");
    assert.deepEqual(
      lines.map((text) => JSON.parse(text).custom_id),
      ids,
    );
    const { metadata, edgebatch: own } = JSON.parse((await run("status", id, "--json")).stdout);
    assert.deepEqual([metadata, own.continue_from, own.merge], [{ a: "b" }, old, true]);
    const nothing = await run("retry", id.slice(0, 20), "--only", "expired");
    assert.deepEqual([nothing.status, nothing.stdout], [0, ""]);
    assert.match(nothing.stderr, /^all 10 requests of batch_.* were answered/m);
    const gone = await run("retry", "batch_none");
    assert.equal(gone.status, 2);
  });

  test("is not made of one that has not ended, or on a server that cannot", async () => {
    const server = new OpenAIServer();
    const env = { OPENAI_BASE_URL: await server.listen(), OPENAI_API_KEY: server.key };
    const { cwd } = job();
    const run = (...args: string[]) => edgebatch(args, { cwd, env });
    const id = (await run("submit", "in.jsonl")).stdout.trim();
    const batch = server.batches[0] as Record<string, unknown>;
    batch.status = "in_progress";
    const early = await run("retry", id);
    assert.equal(early.status, 2);
    assert.match(early.stderr, /has not ended: it is in_progress/);
    batch.status = "expired";
    const refused = await run("retry", id);
    assert.deepEqual([refused.status, refused.stdout, server.batches.length], [2, "", 1]);
    assert.match(
      refused.stderr,
      /cannot continue a batch: take its files .*edgebatch retry INPUT --output FILE/,
    );
    // It takes what it does not know, and would run everything again.
    server.ignoresUnknown = true;
    const ignored = await run("retry", id);
    assert.deepEqual([ignored.status, ignored.stdout], [2, ""]);
    assert.match(ignored.stderr, /It made a batch of the whole file instead, batch_\w+, which was cancelled/);
    assert.equal(server.batches[0]?.status, "cancelling");
    server.mishap = (call) => (call.endsWith("/cancel") ? { status: 403 } : undefined);
    const left = (await run("retry", id)).stderr;
    assert.match(left, /could not be cancelled \(the server answers 403 .*: edgebatch cancel batch_/);
  });
});
