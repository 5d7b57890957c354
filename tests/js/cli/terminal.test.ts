/** What a person sees on a terminal, and what is written where there is none that can be drawn on. */
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { suite } from "node:test";
import { barLine } from "../../../js/cli/progress.ts";
import { folder, line } from "./command.ts";
import { ModelServer } from "./server.ts";
import { onTerminal } from "./terminal.ts";

const at = folder();

function job(requests: number): string {
  const cwd = mkdtempSync(join(at, "t-"));
  writeFileSync(join(cwd, "in.jsonl"), Array.from({ length: requests }, (_, i) => line(`r${i}`)).join(""));
  return cwd;
}

suite("edgebatch on a terminal", () => {
  test("draws a bar, takes it away at the end, and leaves every other line whole", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 30;
    server.reply = () => ({ status: server.total < 3 ? 503 : 200 });
    const cwd = job(100);
    const terminal = onTerminal(["run", "in.jsonl", "--url", url], { cwd });
    await terminal.shows(/^running [█░]{12,24} +\d+ % +\d+ of 100 done, /);
    const { status, screen, written } = await terminal.ended;
    assert.equal(status, 0, written);
    assert.deepEqual(
      screen.map((shown) => shown.replace(/[\d.]+ s$/, "T").replace(/\S*\/in\./, "in.")),
      [
        `edgebatch: running in.jsonl: /v1/chat/completions of ${url}`,
        "edgebatch: the server answers 503 (no); trying again",
        "edgebatch: the server is back after T",
        "completed: 100 requests: 100 completed, 0 failed, in T",
        "wrote in.output.jsonl",
        "",
      ],
    );
  });

  test("keeps its hint about the key, and its last words", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 300;
    server.reply = () => ({ status: 401 });
    const terminal = onTerminal(["run", "in.jsonl", "--url", url, "--key", "wrong"], {
      cwd: job(30),
      columns: 200,
    });
    const { status, screen } = await terminal.ended;
    assert.equal(status, 3);
    const text = screen.join("\n");
    assert.match(text, /^edgebatch: the server refuses everything: .*check the key/m);
    assert.match(text, /^edgebatch: stopped with 0 of 30 requests done\.$/m);
    assert.doesNotMatch(text, /[█░]/);
  });

  test("is left whole by Ctrl-C", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 100;
    const terminal = onTerminal(["run", "in.jsonl", "--url", url], { cwd: job(300) });
    await terminal.shows(/^running .* [1-9]\d* of 300 done/);
    terminal.press("\u0003");
    const { status, screen } = await terminal.ended;
    assert.equal(status, 130);
    assert.match(screen[1] ?? "", /^edgebatch: stopping: \d+ requests in flight may end; Ctrl-C again/);
    const last = screen.slice(-3);
    assert.match(last[0] ?? "", /^edgebatch: stopped with \d+ of 300 requests done\.$/);
    assert.deepEqual(last.slice(1), ["Nothing is lost: the same command resumes.", ""]);
    assert.doesNotMatch(screen.join("\n"), /[█░]|\^C.*done/);
  });

  test("cuts its line to a narrow terminal, which shows what matters first", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 30;
    const terminal = onTerminal(["run", "in.jsonl", "--url", url], { cwd: job(60), columns: 50 });
    await terminal.shows(/^running .* of 60 done, 0 failed/);
    const { written } = await terminal.ended;
    const drawn = written.split("\r").map((text) => text.split("\u001b[K")[0] as string);
    for (const text of drawn.filter((text) => text.startsWith("running "))) {
      assert.ok(text.length < 50, text);
    }
  });

  test("writes plain lines where TERM is dumb or NO_COLOR is set", async () => {
    for (const env of [{ TERM: "dumb" }, { NO_COLOR: "1" }] as Record<string, string>[]) {
      const { status, written } = await onTerminal(["run", "in.jsonl"], { cwd: job(5), env }).ended;
      assert.equal(status, 0);
      for (const mark of ["\u001b", "█", "░"]) assert.equal(written.includes(mark), false);
      assert.match(written, /completed: 5 requests/);
    }
  });
});

suite("the line of a bar", () => {
  const step = {
    phase: "running",
    done: 12_345,
    total: 50_000,
    text: () => ["12,345 of 50,000 done", "67 failed", "12 min 40 s left", "49/s"],
  };

  test("is shorter than the terminal and gives up what matters least", () => {
    assert.equal(
      barLine(step, 0, 120),
      "running █████░░░░░░░░░░░░░░░░░░░  24 %  12,345 of 50,000 done, 67 failed, 12 min 40 s left, 49/s",
    );
    assert.equal(
      barLine(step, 0, 80),
      "running 24 %  12,345 of 50,000 done, 67 failed, 12 min 40 s left, 49/s",
    );
    assert.equal(barLine(step, 0, 62), "running ██░░░░░░░░░░  24 %  12,345 of 50,000 done, 67 failed");
    assert.equal(barLine(step, 0, 50), "running 24 %  12,345 of 50,000 done, 67 failed");
    for (let columns = 1; columns < 130; columns++)
      assert.ok(barLine(step, 0, columns).length < columns, `${columns}`);
  });

  test("has no bar where the end is not known", () => {
    assert.equal(
      barLine({ ...step, total: null, text: () => ["1 MB", "1 MB/s"] }, 0, 80),
      "running  1 MB, 1 MB/s",
    );
  });
});
