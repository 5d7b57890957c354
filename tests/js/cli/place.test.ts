import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { suite } from "node:test";
import { place } from "../../../js/cli/place.ts";
import { State } from "../../../js/cli/state.ts";
import { folder } from "./command.ts";

const at = folder();

function files(from: string, to?: string) {
  const cwd = mkdtempSync(join(at, "p-"));
  const paths = { cwd, from: join(cwd, "from"), to: join(cwd, "to") };
  writeFileSync(paths.from, from);
  if (to !== undefined) writeFileSync(paths.to, to);
  return paths;
}

suite("a finished file", () => {
  test("gets its place without a copy, and leaves nothing beside it", async () => {
    const { cwd, from, to } = files("answers");
    await place(from, to, false);
    assert.equal(statSync(to).ino, statSync(from).ino);
    assert.deepEqual(readdirSync(cwd).sort(), ["from", "to"]);
  });

  test("is placed once: doing it again after a crash changes nothing", async () => {
    const { from, to } = files("answers");
    await place(from, to, false);
    const before = statSync(to, { bigint: true });
    await place(from, to, false);
    assert.equal(statSync(to, { bigint: true }).mtimeNs, before.mtimeNs);
  });

  test("counts as placed when a copy of it is there", async () => {
    const { from, to } = files("x".repeat(3_000_000), "x".repeat(3_000_000));
    await place(from, to, false);
    assert.notEqual(statSync(to).ino, statSync(from).ino);
  });

  test("never takes the place of another file unless it is forced to", async () => {
    const { cwd, from, to } = files("answers", "precious");
    await assert.rejects(place(from, to, false), /exists; --force replaces it/);
    assert.equal(readFileSync(to, "utf8"), "precious");
    assert.deepEqual(readdirSync(cwd).sort(), ["from", "to"]);
    await place(from, to, true);
    assert.equal(readFileSync(to, "utf8"), "answers");
    assert.deepEqual(readdirSync(cwd).sort(), ["from", "to"]);
  });

  test("takes over what a crash left beside its place", async () => {
    const { cwd, from, to } = files("answers");
    writeFileSync(join(cwd, ".to.edgebatch"), "half");
    await place(from, to, false);
    assert.equal(readFileSync(to, "utf8"), "answers");
    assert.deepEqual(readdirSync(cwd).sort(), ["from", "to"]);
  });

  test("crosses file systems", { skip: !existsSync("/dev/shm") }, async (t) => {
    const { from } = files("answers");
    const other = mkdtempSync("/dev/shm/edgebatch-");
    t.after(async () => (await import("node:fs/promises")).rm(other, { recursive: true }));
    if (statSync(other).dev === statSync(from).dev) return t.skip("it is the same");
    const to = join(other, "to");
    await place(from, to, false);
    assert.equal(readFileSync(to, "utf8"), "answers");
    writeFileSync(to, "precious");
    await assert.rejects(place(from, to, false), /exists/);
    await place(from, to, true);
    assert.equal(readFileSync(to, "utf8"), "answers");
    assert.deepEqual(readdirSync(other), ["to"]);
  });
});

suite("a state folder", () => {
  test("belongs to one at a time, and to the next when the first lets go", async () => {
    const path = join(mkdtempSync(join(at, "s-")), ".edgebatch", "x");
    const first = await State.open(path);
    await assert.rejects(State.open(path), /another edgebatch is running this file/);
    first.release();
    const second = await State.open(path);
    await second.remove();
    assert.equal(existsSync(join(path, "..")), false);
  });

  test("is never made of a folder that holds other things", async () => {
    const path = mkdtempSync(join(at, "s-"));
    writeFileSync(join(path, "thesis.txt"), "precious");
    await assert.rejects(State.open(path), /holds other files/);
    assert.deepEqual(readdirSync(path), ["thesis.txt"]);
  });

  test("keeps what others put into it", async () => {
    const path = join(mkdtempSync(join(at, "s-")), "state");
    const state = await State.open(path);
    await state.saveJob({
      name: "in",
      input: { bytes: 1, sha256: "", size: 1, mtime: "1" },
      url: null,
      endpoint: "/v1/embeddings",
    });
    writeFileSync(join(path, "notes.txt"), "precious");
    await state.remove();
    assert.deepEqual(readdirSync(path), ["notes.txt"]);
  });
});
