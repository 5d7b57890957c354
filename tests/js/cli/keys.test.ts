/** Guards `edgebatch keys`: hashes alone, nobody else's to read, and nothing lost when several change them at once. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { edgebatch, folder } from "./command.ts";

const hashed = (key: string) => createHash("sha256").update(key).digest("hex");

async function keys(...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return edgebatch(["keys", ...args]);
}

test("a key is printed once, alone on standard output; its hash is kept, in a file for this user alone", async () => {
  const data = join(folder(), "made");
  const { status, stdout, stderr } = await keys("add", "alice", "--models", "a, b", "--data", data);
  assert.equal(status, 0);
  assert.match(stdout, /^sk-[\w-]{43}\n$/);
  const key = stdout.trim();
  assert.ok(!stderr.includes(key));
  const text = readFileSync(join(data, "keys.json"), "utf8");
  assert.ok(!text.includes(key));
  const [stored] = JSON.parse(text).keys;
  assert.deepEqual([stored.name, stored.sha256, stored.models], ["alice", hashed(key), ["a", "b"]]);
  assert.equal(statSync(join(data, "keys.json")).mode & 0o777, 0o600);
  const another = (await keys("add", "alice", "--data", data)).stdout.trim();
  assert.notEqual(another, key);
  const list = await keys("list", "--data", data);
  assert.match(
    list.stdout,
    /^key_\w{12} {2}alice {2}\S+ \S+ {2}a, b\nkey_\w{12} {2}alice {2}\S+ \S+ {2}any model\n$/,
  );
  assert.ok(!list.stdout.includes(hashed(key)));
});

test("an entry for the Worker has the hash of the key beside it, and nothing is kept of either", async () => {
  const data = join(folder(), "none");
  const { status, stdout } = await edgebatch(["keys", "entry", "alice"], { env: { EDGEBATCH_DATA: data } });
  assert.equal(status, 0);
  const [, key, name, sha256] =
    /^key for the client {3}(sk-[\w-]{43})\nentry for API_KEYS {3}(\w+):(\w{64})\n$/.exec(stdout) ?? [];
  assert.deepEqual([name, sha256], ["alice", hashed(key as string)]);
  assert.ok(!existsSync(data));
  assert.equal((await keys("entry", "a b")).status, 2);
});

test("eight commands at once keep all their keys, and leave nothing else behind", async () => {
  const data = folder();
  const names = Array.from({ length: 8 }, (_, i) => `tenant-${i}`);
  const made = await Promise.all(names.map((name) => keys("add", name, "--data", data)));
  assert.deepEqual(
    new Set(made.map(({ status, stderr }) => status || stderr.includes("Error"))),
    new Set([false]),
  );
  const listed = JSON.parse((await keys("list", "--json", "--data", data)).stdout);
  assert.deepEqual(listed.map(({ name }: { name: string }) => name).sort(), names);
  assert.deepEqual(readdirSync(data).sort(), ["format", "keys.json", "keys.lock"]);
});

test("the first key says that every caller needs one from now on, and no other key does", async () => {
  const data = folder();
  const told = async (name: string) =>
    (await keys("add", name, "--data", data)).stderr.includes("from now on every caller needs a key");
  assert.equal(await told("alice"), true);
  assert.equal(await told("bob"), false);
  await keys("revoke", "alice", "--data", data);
  await keys("revoke", "bob", "--data", data);
  assert.equal(await told("carol"), false);
});

test("one key is revoked by its id, all of a tenant by its name, and one that is not there is told", async () => {
  const data = folder();
  for (const name of ["alice", "alice", "bob"]) await keys("add", name, "--data", data);
  const ids = async () =>
    JSON.parse((await keys("list", "--json", "--data", data)).stdout).map(({ id }: { id: string }) => id);
  const [first, second, third] = await ids();
  assert.equal((await keys("revoke", first, "--data", data)).status, 0);
  assert.deepEqual(await ids(), [second, third]);
  const last = await keys("revoke", "alice", "--data", data);
  assert.match(
    last.stderr,
    /revoked 1 key: key_\w+\nedgebatch: alice has no key left: its batches wait until it has one/,
  );
  assert.deepEqual(await ids(), [third]);
  const wrong = await keys("revoke", "bobb", "--data", data);
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /no key of 'bobb'.*Did you mean bob\?/);
});

test("what is no name, no folder of ours or no file of keys is refused, and left as it is", async () => {
  const [data, other] = [folder(), folder()];
  writeFileSync(join(other, "letter.txt"), "dear");
  for (const name of ["a b", "~anonymous", "", "x".repeat(65), "key_0123456789ab"]) {
    assert.equal((await keys("add", name, "--data", join(data, "new"))).status, 2, name);
  }
  assert.ok(!existsSync(join(data, "new")));
  assert.match((await keys("add", "a", "--data", other)).stderr, /is not empty, and holds no state/);
  assert.match(
    (await keys("add", "a", "--models", "a,,b", "--data", data)).stderr,
    /^edgebatch: --models must be/,
  );
  for (const [text, expected] of [
    ["{", /is no JSON/],
    ["{}", /holds no keys/],
    ['{ "format": 2, "keys": [] }', /newer edgebatch: its format is 2/],
    ['{ "format": 1, "keys": [{ "sha256": "secret" }] }', /key 1 is none/],
  ] as const) {
    await keys("add", "a", "--data", data);
    writeFileSync(join(data, "keys.json"), text);
    for (const args of [["add", "b"], ["list"], ["revoke", "a"]]) {
      const { status, stderr, stdout } = await keys(...args, "--data", data);
      assert.deepEqual([status, stdout], [2, ""]);
      assert.match(stderr, expected);
      assert.ok(!stderr.includes("secret"));
    }
    assert.equal(readFileSync(join(data, "keys.json"), "utf8"), text);
  }
});

test("the folder is that of the server: by option, variable or file", async () => {
  const cwd = folder();
  writeFileSync(join(cwd, "edgebatch.toml"), 'data = "c"\n');
  await edgebatch(["keys", "add", "a", "--data", "a"], { cwd, env: { EDGEBATCH_DATA: "b" } });
  await edgebatch(["keys", "add", "a"], { cwd, env: { EDGEBATCH_DATA: "b" } });
  await edgebatch(["keys", "add", "a", "--config", "edgebatch.toml"], { cwd });
  await edgebatch(["keys", "add", "a"], { cwd });
  for (const data of ["a", "b", "c", ".edgebatch/server"])
    assert.equal(JSON.parse(readFileSync(join(cwd, data, "keys.json"), "utf8")).keys.length, 1, data);
});

test("serve has no --key, says what it has, and repeats nothing of it", async () => {
  const { status, stderr } = await edgebatch(["serve", "--key", "sk-a-key-of-someone"]);
  assert.equal(status, 2);
  assert.match(stderr, /serve has no --key: --key-env .* edgebatch keys add NAME/);
  assert.doesNotMatch(stderr, /sk-a-key/);
});
