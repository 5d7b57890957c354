/** Guards what `edgebatch serve` is told: who wins, what is refused and how it is named, and that no secret is said. */

import { strict as assert } from "node:assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { keyOf, optionOf, rows, type SettingName, variableOf } from "../../../js/node/serve/config/table.ts";
import { describe, type Environment, type Given, readConfig } from "../../../js/node/serve/config.ts";
import { edgebatch, folder } from "../cli/command.ts";

const home = folder();
let files = 0;

/** A file of settings, of one setting a line. */
function file(text: string): string {
  files += 1;
  const path = join(home, `${files}.toml`);
  writeFileSync(path, text);
  return path;
}

/** Reads settings; `toml` is the file's text. */
function read(given: Given, env: Environment = {}, toml?: string) {
  return readConfig({ ...given, ...(toml !== undefined && { config: file(toml) }) }, env);
}

const entry = (name: string) => `${name}:${"0".repeat(64)}`;

/** Three values of every setting, as texts, none of which is its default. */
const samples: { [Name in SettingName]?: [string, string, string] } = {
  host: ["127.0.0.2", "127.0.0.3", "127.0.0.4"],
  port: ["1", "2", "3"],
  data: ["a", "b", "c"],
  store: ["postgres://a", "postgresql://b/c", "postgres://u:p@c:1/d"],
  files: ["s3://a", "s3://b/c", "s3://c?endpoint=http://d&style=path"],
  url: ["http://a", "http://b", "http://c"],
  key: ["ignored", "b", "c"],
  models: ["a", "b", "c"],
  completionWindows: ["1h", "7d", "30d"],
  prices: ["a=1/2", "b=1/2", "*=0.5/2"],
  order: ["prefix", "prefix", "prefix"],
  apiKeys: ["a", "b", "c"],
  adminKeys: [entry("a"), entry("b"), entry("c")],
  metricsHost: ["a", "b", "c"],
  logLevel: ["error", "warn", "debug"],
  interactiveFirst: ["no", "0", "false"],
  stream: ["yes", "1", "true"],
  allowAnonymous: ["yes", "1", "true"],
  webhookAllowPrivate: ["yes", "1", "true"],
};

test("an option wins over a variable, a variable over the file, the file over the default; of every setting", async () => {
  for (const [name, setting] of rows) {
    if (name === "config" || name === "keyEnv") continue;
    const [first, second, third] = samples[name] ?? ["7", "8", "9"];
    const of = (text: string) => setting.kind.parse(text);
    const variable = variableOf(name);
    const key = keyOf(name, setting) as string;
    const inFile = JSON.stringify(of(third));
    const toml = key.includes(".") ? `[${key.replace(".", "]\n")} = ${inFile}` : `${key} = ${inFile}`;
    const saidOf = async (given: Given, env: Environment, text?: string) => {
      const { values, said } = await read(given, env, text);
      return [values[name], said[name].level];
    };
    // The one is refused without the other.
    const beside: Environment =
      name === "store"
        ? { EDGEBATCH_FILES: "s3://a" }
        : name === "files"
          ? { EDGEBATCH_STORE: "postgres://a" }
          : {};
    const [given, env] = [{ [name]: first }, { ...beside, [variable]: second }];
    if (optionOf(name, setting) !== null)
      assert.deepEqual(await saidOf(given, env, toml), [of(first), "option"], name);
    assert.deepEqual(await saidOf({}, env, toml), [of(second), "variable"], name);
    assert.deepEqual(await saidOf({}, { ...beside, [variable]: "" }, toml), [of(third), "file"], name);
    assert.deepEqual(await saidOf({}, {}), [setting.default, "default"], name);
  }
});

test("what is wrong is refused by the name it was said by, with what may have been meant", async () => {
  const server = '[[server]]\nurl = "http://a"\n';
  for (const [given, env, toml, expected] of [
    [{ port: "70000" }, {}, "", /^--port must be a whole number from 0 to 65,535, but is '70000'$/],
    [{ interactiveFirst: "maybe" }, {}, "", /^--interactive-first must be yes or no, but is 'maybe'$/],
    [{ completionWindows: "24h,31d" }, {}, "", /^--completion-windows must be times from 1h to 30d/],
    [{ completionWindows: "721h" }, {}, "", /^--completion-windows must be/],
    [{ completionWindows: "90m" }, {}, "", /^--completion-windows must be/],
    [{ prices: "gpt-4o=2.5" }, {}, "", /^--prices must be prices of a million tokens/],
    [{ order: "random" }, {}, "", /^--order must be file or prefix, but is 'random'$/],
    [{ prices: "=1/2" }, {}, "", /^--prices must be/],
    [{ store: "mysql://a" }, {}, "", /^--store must be an address like postgres:\/\//],
    [{ files: "s3://a?stile=path" }, {}, "", /^--files must be an address like s3:\/\/bucket\/prefix/],
    [{ files: "s3://key:secret@a" }, {}, "", /^--files must be an address like s3/],
    [{ store: "postgres://a/b" }, {}, "", /^--store needs --files: records and files are shared together$/],
    [{ files: "s3://a" }, {}, "", /^--files needs --store/],
    [
      { store: "postgres://a/b", files: "s3://a", data: "d" },
      {},
      "",
      /^--data names a folder, and with --store \(--store\) there is none$/,
    ],
    [{ adminKeys: "a:0" }, {}, "", /^--admin-keys must be name:sha256 pairs/],
    [{}, { EDGEBATCH_GRACE: "soon" }, "", /^EDGEBATCH_GRACE must be a whole number .*, but is 'soon'$/],
    [
      {},
      { EDGEBATCH_CONCURENCY: "3" },
      "",
      /^EDGEBATCH_CONCURENCY is no setting\. Did you mean EDGEBATCH_CONC/,
    ],
    [{}, { EDGEBATCH_XYZ: "secret" }, "", /^EDGEBATCH_XYZ is no setting\.$/],
    [{}, { EDGEBATCH_CONFIG: "none.toml" }, undefined, /^EDGEBATCH_CONFIG names none\.toml, .*\(ENOENT\)$/],
    [{ config: "none.toml" }, {}, undefined, /^--config names none\.toml, which cannot be read \(ENOENT\)$/],
    [{}, {}, "# a\n\nprot = 1", /:3: prot is no setting\. Did you mean port\?$/],
    [{}, {}, 'port = "1"', /:1: port must be a whole number from 0 to 65,535, but is '1'$/],
    [{}, {}, "timeout = 1.5", /:1: timeout must be a whole number .*, but is 1\.5$/],
    [{}, {}, "allow_anonymous = 1", /:1: allow_anonymous must be yes or no, but is 1$/],
    [{}, {}, 'models = ["a", 1]', /:1: models must be names, separated by commas, but is \['a', 1\]$/],
    [{}, {}, "data = 1979-05-27", /:1: data must be a folder, but is /],
    [{}, {}, "quota = 3", /:1: quota must be a table: \[quota\]$/],
    [{}, {}, "[quota]\nfils = 3", /:2: quota\.fils is no setting\. Did you mean quota\.files\?$/],
    [{}, {}, "[quotas]\nfiles = 3", /:1: quotas is no setting\./],
    [{}, {}, "__proto__ = 3", /:1: __proto__ is no setting\.$/],
    [{}, {}, "port = \n", /:1:\d+: this is no TOML: /],
    [{}, {}, "port = 1\nport = 2", /:2:\d+: this is no TOML: /],
    [{}, {}, `url = "http://a"\n${server}`, /:1: url and \[\[server\]\] both name model servers/],
    [{ keyEnv: "KEY" }, { KEY: "a" }, server, /^--key-env is for --url; each \[\[server\]\] has key_env/],
    [{}, {}, "server = 3", /:1: server must be tables: \[\[server\]\]$/],
    [{}, {}, "server = []", /:1: server must be tables: \[\[server\]\]$/],
    [{}, {}, '[[server]]\nname = "a"', /:1: server has no url$/],
    [{}, {}, `${server}modls = ["a"]`, /:3: server\.modls is no setting\. Did you mean server\.models\?$/],
    [{}, {}, `${server}concurrency = 0`, /:3: server\.concurrency must be a whole number from 1/],
    [{}, {}, `${server}headers = { "a b" = "c" }`, /:3: server\.headers must be a table of header names/],
    [{}, {}, `${server}headers = { a = 1 }`, /:3: server\.headers must be a table of header names/],
    [{}, {}, `${server}key_env = "NONE"`, /:3: server\.key_env NONE: there is no such environment variable/],
    [{}, {}, `${server}key_env = "A"\nkey = "b"`, /:4: server\.key and key_env: remove one of them$/],
    [{}, {}, `${server}${server}`, /server\.name: two servers are called 'a'$/],
    [{}, {}, `${server}[[server]]\nurl = "ftp://a"`, /:4: server\.url must be an http:/],
    [{ url: "ftp://localhost" }, {}, "", /^--url must be an http:/],
    [{ keyEnv: "NONE" }, {}, "", /^--key-env NONE: there is no such environment variable, or it is empty$/],
    [{}, { EDGEBATCH_URL: "http://127.0.0.1:8080/v1" }, "", /^EDGEBATCH_URL is this server's own address/],
  ] as const) {
    const what = JSON.stringify([given, env, toml]);
    await assert.rejects(read(given, env, toml), (error: Error) => {
      assert.match(error.message, expected, what);
      return true;
    });
  }
});

test("no error, and nothing that --check prints, holds a secret", async () => {
  const key = "sk-secret\u20ac";
  for (const [given, env, toml] of [
    [{ url: "http://me:sk-secret@localhost/v1" }, {}, ""],
    [{ url: "sk-secret" }, {}, ""],
    [{ url: "http://a" }, { EDGEBATCH_KEY: key }, ""],
    [{ url: "http://a", keyEnv: "MINE" }, { MINE: key }, ""],
    [{}, {}, 'key = ["sk-secret"]'],
    [{}, {}, 'key = "sk-secret" oops'],
    [{}, {}, 'api_keys = [["sk-secret"]]'],
    [{}, {}, '[[server]]\nurl = "http://a"\nkey = 3\nheaders = { a = "sk-secret" }'],
    [{}, {}, '[[server]]\nurl = "http://a"\nheaders = { a = "sk-secret", b = 1 }'],
    [{}, {}, '[[server]]\nurl = "http://sk-secret@a"'],
  ] as const) {
    await assert.rejects(read(given, env, toml), (error: Error) => {
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
  const toml =
    '[[server]]\nname = "a"\nurl = "http://a/v1?code=sk-secret"\nkey = "sk-secret"\nheaders = { x-a = "sk-secret" }';
  assert.doesNotMatch(describe(await read({}, {}, toml)), /secret/);
  const one = { url: "http://a/v1?code=sk-secret", apiKeys: "a:sk-secret" };
  assert.doesNotMatch(describe(await read(one, { EDGEBATCH_KEY: "sk-secret" })), /secret/);
});

test("the key of the one model server is said itself or by a variable's name; who says either first wins", async () => {
  const keyOf = async (given: Given, env: Environment, toml?: string) => {
    const { settings } = await read({ url: "http://a", ...given }, { A: "a", B: "b", ...env }, toml);
    return settings.servers[0]?.key;
  };
  assert.equal(await keyOf({ keyEnv: "A" }, { EDGEBATCH_KEY: "c" }), "a");
  assert.equal(await keyOf({}, { EDGEBATCH_KEY: "c" }, 'key = "d"'), "c");
  assert.equal(await keyOf({}, { EDGEBATCH_KEY_ENV: "B" }, 'key = "d"'), "b");
  assert.equal(await keyOf({}, {}, 'key_env = "B"'), "b");
  assert.equal(await keyOf({}, {}, 'key = "d"'), "d");
  assert.equal(await keyOf({}, {}), undefined);
  await assert.rejects(keyOf({}, {}, 'key = "d"\nkey_env = "B"'), /key .*key_env: remove one of them/);
});

test("--url replaces the servers of the file, and is the one called default", async () => {
  const { settings } = await read({ url: "http://b/v1" }, {}, '[[server]]\nurl = "http://a"\n');
  assert.deepEqual(settings.servers, [
    { name: "default", url: "http://b/v1", concurrency: 10, timeoutMs: 600_000 },
  ]);
  assert.deepEqual((await read({})).settings.servers, []);
});

test("what Kubernetes says of a service called edgebatch is no setting", async () => {
  const { values } = await read(
    {},
    {
      EDGEBATCH_PORT: "tcp://10.0.0.1:80",
      EDGEBATCH_PORT_80_TCP: "tcp://10.0.0.1:80",
      EDGEBATCH_PORT_80_TCP_ADDR: "10.0.0.1",
      EDGEBATCH_SERVICE_HOST: "10.0.0.1",
      EDGEBATCH_SERVICE_PORT_HTTP: "80",
      EDGEBATCH_DB_SERVICE_PORT: "80",
    },
  );
  assert.equal(values.port, 8080);
});

test("--check says what holds and who said it, makes nothing, and ends; a wrong setting ends with 2", async () => {
  const cwd = folder();
  writeFileSync(join(cwd, "edgebatch.toml"), "batches = 3\n[rate]\nrequests_per_minute = 7\n");
  const args = ["serve", "--config", "edgebatch.toml", "--check"];
  const { status, stdout } = await edgebatch([...args, "--port", "9001"], {
    cwd,
    env: { EDGEBATCH_GRACE: "5" },
  });
  assert.equal(status, 0);
  assert.match(stdout, /^ {2}port +9001 {2}\(--port\)$/m);
  assert.match(stdout, /^ {2}grace +5 {2}\(EDGEBATCH_GRACE\)$/m);
  assert.match(stdout, /^ {2}batches +3 {2}\(edgebatch\.toml:1: batches\)$/m);
  assert.match(stdout, /^ {2}rate\.requests_per_minute +7 {2}\(edgebatch\.toml:3: rate\./m);
  assert.match(stdout, /^ {2}timeout +600$/m);
  const wrong = await edgebatch(args, { cwd, env: { EDGEBATCH_GRACE: "-5" } });
  assert.deepEqual([wrong.status, wrong.stdout], [2, ""]);
  assert.match(wrong.stderr, /^edgebatch: EDGEBATCH_GRACE must be a whole number/);
});
