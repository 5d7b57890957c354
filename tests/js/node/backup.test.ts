/** Guards `edgebatch backup` and `edgebatch restore`: a copy made under load is whole, and nothing else is restored. */

import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type OpenAI from "openai";
import { reserve } from "../../../js/hosts/shared/writers.ts";
import { readTar, TarWriter } from "../../../js/node/backup/tar.ts";
import { edgebatch, folder } from "../cli/command.ts";
import { ModelServer } from "../cli/server.ts";
import { chatLines, createBatch, ended, linesOf, until } from "../worker/server.ts";
import { serving, stateFolder } from "./serving.ts";

const ids = (count: number) => Array.from({ length: count }, (_, i) => `request-${i}`);
const upload = (client: OpenAI, name: string, content: string) =>
  client.files.create({ purpose: "batch", file: new File([content], name) });

async function backedUp(data: string, file = join(folder(), "backup.tar")): Promise<string> {
  const { status, stderr } = await edgebatch(["backup", file, "--data", data]);
  assert.equal(status, 0, stderr);
  return file;
}

async function restored(file: string): Promise<string> {
  const data = stateFolder();
  const { status, stderr } = await edgebatch(["restore", file, "--data", data]);
  assert.equal(status, 0, stderr);
  return data;
}

/** A state with a file in it, whose server has stopped. */
async function someState(): Promise<string> {
  const data = stateFolder();
  const server = await serving(["--data", data]);
  await upload(server.client(), "kept.jsonl", `{"text":"what is in it"}`);
  await server.end("SIGTERM");
  return data;
}

test("a copy made in the middle of 300 requests goes on elsewhere after kill -9, and each line is in the output once", async () => {
  const model = new ModelServer();
  const [base, data] = [await model.listen(), stateFolder()];
  model.latencyMs = 200;
  const args = ["--url", base, "--concurrency", "32"];
  const first = await serving([...args, "--data", data]);
  const { id, input_file_id } = await createBatch(first.client(), chatLines(300));
  // The batch alone still holds its input then.
  await first.client().files.delete(input_file_id);
  await model.reached(150);
  // What comes from here on is in flight until the kill.
  model.latencyMs = 600_000;
  const file = await backedUp(data);
  await first.end("SIGKILL");
  const before = model.total;
  assert.ok(before < 300, "the batch was under way");
  model.latencyMs = 0;

  const second = await serving([...args, "--data", await restored(file)]);
  await until("it goes on by itself, though nobody calls", () => model.total > before);
  const batch = await ended(second.client(), id);
  assert.deepEqual(batch.request_counts, { total: 300, completed: 300, failed: 0 });
  const output = await linesOf(second.client(), batch.output_file_id);
  assert.deepEqual(
    output.map(({ custom_id }) => custom_id),
    ids(300),
  );
  assert.equal(model.calls.size, 300);
  assert.ok(model.total < 400, "what was stored at the time of the copy is not asked again");
});

test("whatever is uploaded and deleted while copies are made, each has the bytes of every file it lists", async () => {
  const data = stateFolder();
  const server = await serving(["--data", data]);
  const client = server.client();
  const content = (name: string) => JSON.stringify({ text: name.repeat(10_000) });
  let [number, isOver] = [0, false];
  const churn = async () => {
    const own: string[] = [];
    while (!isOver) {
      const name = `file-number-${number++}.jsonl`;
      own.push((await upload(client, name, content(name))).id);
      if (own.length > 20) await client.files.delete(own.shift() as string);
    }
  };
  const churning = Promise.all([churn(), churn(), churn()]);
  await until("some files are deleted", () => number > 80);
  const copies = [];
  for (let i = 0; i < 3; i++) copies.push(await backedUp(data));
  isOver = true;
  await churning;
  for (const copy of copies) {
    const again = await serving(["--data", await restored(copy)]);
    let files = 0;
    for await (const file of again.client().files.list()) {
      files += 1;
      const response = await again.client().files.content(file.id);
      assert.equal(await response.text(), content(file.filename));
    }
    assert.ok(files > 40);
    await again.end("SIGKILL");
  }
});

test("a copy is for this user alone, is read by tar, replaces nothing unasked, and leaves nothing beside it", async () => {
  const data = await someState();
  const at = folder();
  const file = await backedUp(data, join(at, "copy.tar"));
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(at), ["copy.tar"]);
  const names = execFileSync("tar", ["-tf", file], { encoding: "utf8" }).trim().split("\n");
  assert.equal(names[0], "format");
  assert.equal(names.at(-1), "backup.json");
  assert.equal(names.filter((name) => name.startsWith("blobs/")).length, 1);
  assert.equal(names.filter((name) => name.startsWith("tenants/")).length, 1);

  const again = await edgebatch(["backup", file, "--data", data]);
  assert.equal(again.status, 2);
  assert.match(again.stderr, /copy\.tar exists \(--force replaces it\)/);
  assert.equal((await edgebatch(["backup", file, "--data", data, "--force"])).status, 0);
  const none = await edgebatch(["backup", join(at, "none.tar"), "--data", at]);
  assert.equal(none.status, 2);
  assert.match(none.stderr, /holds no state of edgebatch serve/);
  assert.deepEqual(readdirSync(at), ["copy.tar"]);
});

test("a copy that is kept in the state folder holds state alone, and no earlier copy", async () => {
  const data = await someState();
  assert.equal((await edgebatch(["keys", "add", "alice", "--data", data])).status, 0);
  writeFileSync(join(data, "notes.txt"), "not state");
  writeFileSync(join(data, "tenants", "notes.txt"), "not state");
  const file = join(data, "backup.tar");
  const sizes = [];
  for (let i = 0; i < 3; i++) {
    const { status, stderr } = await edgebatch(["backup", file, "--data", data, "--force"]);
    assert.equal(status, 0, stderr);
    sizes.push(statSync(file).size);
  }
  assert.equal(new Set(sizes).size, 1, `its size: ${sizes}`);
  const into = await restored(file);
  assert.deepEqual(readdirSync(into).sort(), ["blobs", "format", "keys.json", "tenants"]);
  assert.deepEqual(
    readdirSync(join(into, "tenants")).filter((name) => !name.endsWith(".sqlite")),
    [],
  );
  // A server starts on it, and what is in the folder besides does not keep one from the original.
  for (const folder of [into, data]) await (await serving(["--data", folder])).end("SIGTERM");
});

test("a restore brings back keys that were revoked since, and says so", async () => {
  const data = await someState();
  assert.equal((await edgebatch(["keys", "add", "alice", "--data", data])).status, 0);
  const file = await backedUp(data);
  assert.equal((await edgebatch(["keys", "revoke", "alice", "--data", data])).status, 0);
  const into = stateFolder();
  const { stderr } = await edgebatch(["restore", file, "--data", into]);
  assert.match(stderr, /revoked since is valid again \(edgebatch keys list --data /);
  assert.match((await edgebatch(["keys", "list", "--data", into])).stdout, /alice/);
});

test("a copy is never written over the state itself", async () => {
  const data = await someState();
  for (const name of ["format", "keys.json", "server.sqlite", "tenants/new.sqlite", "blobs/copy.tar"]) {
    const { status, stderr } = await edgebatch(["backup", join(data, name), "--data", data, "--force"]);
    assert.equal(status, 2, name);
    assert.match(stderr, /is a place of the state itself/);
  }
});

test("a file whose bytes the state has lost does not keep the rest from being copied", async () => {
  const data = await someState();
  const blobs = join(data, "blobs");
  const object = readdirSync(blobs, { recursive: true, encoding: "utf8" }).find((name) => /file-/.test(name));
  writeFileSync(join(blobs, object as string), "short");
  const file = join(folder(), "copy.tar");
  const { status, stderr } = await edgebatch(["backup", file, "--data", data]);
  assert.equal(status, 0);
  assert.match(stderr, /lost, here as in the copy: \S+\/files\/file-/);
  const server = await serving(["--data", await restored(file)]);
  const [listed] = (await server.client().files.list()).data;
  assert.equal(listed?.filename, "kept.jsonl");
});

test("a tenant whose records are damaged does not keep the others from being copied, and is named", async () => {
  const data = await someState();
  writeFileSync(join(data, "tenants", "bob.sqlite"), "this is no database".repeat(1000));
  const file = join(folder(), "copy.tar");
  const { status, stderr } = await edgebatch(["backup", file, "--data", data]);
  assert.equal(status, 1);
  assert.match(stderr, /damaged, and not in the copy: tenants\/bob\.sqlite/);
  const server = await serving(["--data", await restored(file)]);
  assert.equal((await server.client().files.list()).data.length, 1);
});

test("what is no whole backup is refused, and the folder stays as it was", async () => {
  const data = await someState();
  const file = await backedUp(data);
  const bytes = readFileSync(file);
  const refuses = async (content: Uint8Array, reason: RegExp) => {
    const damaged = join(folder(), "damaged.tar");
    writeFileSync(damaged, content);
    const into = folder();
    const { status, stderr } = await edgebatch(["restore", damaged, "--data", into]);
    assert.equal(status, 2);
    assert.match(stderr, reason);
    assert.deepEqual(readdirSync(into), []);
  };
  await refuses(bytes.subarray(0, bytes.length - 2048), /no whole backup: it ends too early/);
  await refuses(bytes.subarray(0, 700), /no whole backup: it ends too early/);
  await refuses(Buffer.from("PK\x03\x04".repeat(500)), /no whole backup: it is no tar archive/);
  const flipped = Uint8Array.from(bytes);
  const place = bytes.indexOf(`{"text":"what is in it"}`);
  flipped[place] = (flipped[place] as number) ^ 1;
  await refuses(flipped, /no whole backup: its bytes are not those that were written/);
  await refuses(
    await archive([["format", "7"]]),
    /the backup was written by a newer edgebatch: its format is 7/,
  );
  for (const name of ["../out", "/etc/out", "a/../../out", "a//b"]) {
    await refuses(
      await archive([
        ["format", "1"],
        [name, "x"],
      ]),
      /is no path of a backup/,
    );
  }

  const full = folder();
  writeFileSync(join(full, "mine"), "");
  const { status, stderr } = await edgebatch(["restore", file, "--data", full]);
  assert.equal(status, 2);
  assert.match(stderr, /is not empty: a backup is restored into a new folder/);
  assert.deepEqual(readdirSync(full), ["mine"]);
});

test("a new volume, which has a folder of its own, takes a state and a restored one", async () => {
  const [fresh, other] = [folder(), folder()];
  for (const volume of [fresh, other]) mkdirSync(join(volume, "lost+found"));
  const server = await serving(["--data", fresh]);
  await upload(server.client(), "kept.jsonl", `{"text":"what is in it"}`);
  const file = await backedUp(fresh);
  assert.equal((await edgebatch(["restore", file, "--data", other])).status, 0);
  assert.ok(existsSync(join(other, "format")));
});

test("what a killed backup has left goes with the next one, and what a living one writes stays", async () => {
  const [data, at] = [await someState(), folder()];
  const writers = import.meta.resolve("../../../js/hosts/shared/writers.ts");
  const script = `import { reserve } from ${JSON.stringify(writers)}; console.log(reserve("edgebatch-backup", "data"))`;
  const dead = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  }).trim();
  const living = reserve("edgebatch-backup", "data");
  for (const name of [dead, `${dead}.sqlite`, `${dead}.sqlite-wal`, living, "other.data"]) {
    writeFileSync(join(at, name), "");
  }
  await backedUp(data, join(at, "copy.tar"));
  assert.deepEqual(readdirSync(at).sort(), ["copy.tar", living, "other.data"].sort());
});

test("root restores for whoever has the folder", { skip: process.getuid?.() !== 0 }, async () => {
  const file = await backedUp(await someState());
  const data = folder();
  chownSync(data, 1234, 1234);
  // Said as it is said to the server.
  const { status, stderr } = await edgebatch(["restore", file], { env: { EDGEBATCH_DATA: data } });
  assert.equal(status, 0, stderr);
  const made = readdirSync(data, { recursive: true, encoding: "utf8" });
  assert.ok(made.length > 5);
  for (const name of made) assert.equal(statSync(join(data, name)).uid, 1234, name);
});

test("names beyond what a plain header holds are read back, here and by tar", async () => {
  const long = `blobs/${"ü".repeat(60)}/${"b".repeat(200)}`;
  const bytes = await archive([
    [long, "one"],
    ["short", "two".repeat(500)],
  ]);
  const path = join(folder(), "names.tar");
  writeFileSync(path, bytes);
  const handle = await open(path);
  const found: [string, number][] = [];
  for await (const entry of readTar(handle)) {
    for await (const _ of entry.content());
    found.push([entry.name, entry.size]);
  }
  await handle.close();
  assert.deepEqual(found, [
    [long, 3],
    ["short", 1500],
  ]);
  const env = { ...process.env, LC_ALL: "C.UTF-8" };
  const list = execFileSync("tar", ["--quoting-style=literal", "-tf", path], { encoding: "utf8", env });
  assert.deepEqual(list.trim().split("\n"), [long, "short"]);
});

async function archive(entries: [name: string, content: string][]): Promise<Uint8Array> {
  const path = join(folder(), "made.tar");
  const handle = await open(path, "wx+");
  const tar = new TarWriter(handle);
  for (const [name, content] of entries) await tar.bytes(name, Buffer.from(content));
  await tar.end();
  await handle.close();
  return readFileSync(path);
}
