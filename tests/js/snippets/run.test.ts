/** Snippets of the papers are run, in front of servers that are there, by those who have never seen them before. */

import { strict as assert } from "node:assert";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { environment, start } from "../cli/command.ts";
import { Postgres } from "../machines/postgres.ts";
import { createBatch, until } from "../server/suite/batches.ts";
import { pythonWith } from "../server/suite/python/client.ts";
import { type Snippet, snippets } from "./papers.ts";
import { long, makePrograms, placed, requests, type Stage, setStage, writeFiles } from "./stage.ts";

const root = join(import.meta.dirname, "../../..");
const all = snippets();

/** Run elsewhere, or not at all: what a text holds, and why. */
const elsewhere: [at: string, holds: string, why: string][] = [
  ["docs/clients.md", "litellm", "tests/js/server/suite/clients.test.ts has its client"],
  ["docs/clients.md", "curator", "tests/js/server/suite/clients.test.ts has its client"],
  ["docs/clients.md", "instructor", "tests/js/server/suite/clients.test.ts has its client"],
  ["docs/clients.md", "chatlas", "tests/js/server/suite/clients.test.ts has its client"],
  ["docs/clients.md", "langchain", "tests/js/server/suite/clients.test.ts has its client"],
  ["docs/webhooks.md", "Receiver", "tests/js/server/suite/webhooks-docs.test.ts runs it, in every runtime"],
  [
    "docs/webhooks.md",
    "createServer",
    "tests/js/server/suite/webhooks-docs.test.ts runs it, in every runtime",
  ],
  ["docs/component.md", "validation", "tests/js/component runs it, where the component is built"],
  ["docs/component.md", "bindgen!", "it is a part of component/host, compiled and run there"],
  ["docs/component.md", "accessor", "it is a part of component/host, compiled and run there"],
  ["docs/component.md", "Component::load", "it is a part of component/host, compiled and run there"],
  ["docs/runtimes/browser.md", "Validator", "tests/js/packaging runs it, in a browser"],
  ["docs/runtimes/browser.md", "wasm?url", "tests/js/packaging runs it, with Vite"],
  ["docs/runtimes/browser.md", "IndexedDbKV", "tests/js/packaging runs the example, in a browser"],
  ["docs/runtimes/workers.md", "edgebatch/workers", "tests/js/packaging runs it, in workerd"],
  ["docs/worker.md", "edgebatch/worker", "tests/js/packaging runs it, in workerd"],
  ["docs/runtimes/bun.md", "bunx", "tests/js/packaging runs the package's command with Bun"],
  ["docs/runtimes/deno.md", "deno run", "tests/js/packaging runs the package's command with Deno"],
  ["docs/hosts.md", "DenoKV", "tests/js/deno runs it, in Deno"],
  ["examples/deno/README.md", "deno run", "tests/js/packaging runs it, with the packed package"],
  ["docs/several-machines.md", "--store", "tests/js/machines starts servers so"],
  ["docs/worker.md", "YOURS", "the address of a Worker that is not there"],
  ["examples/worker/README.md", "YOURS", "the address of a Worker that is not there"],
];

const isElsewhere = ({ at, text }: Snippet) =>
  elsewhere.some(([paper, holds]) => at.startsWith(`${paper}:`) && text.includes(holds));
const toRun = (...languages: string[]) =>
  all.filter((snippet) => languages.includes(snippet.language) && !isElsewhere(snippet));

const temporary = mkdtempSync(join(tmpdir(), "edgebatch-snippets-"));
const programs = join(temporary, "programs");
const receiver = createServer((_, response) => response.end()).listen(0, "127.0.0.1");
let stage: Stage;

before(async () => {
  makePrograms(programs);
  stage = await setStage();
});
after(async () => {
  receiver.close();
  await stage.stop();
  rmSync(temporary, { recursive: true, force: true });
});

/** Runs a program to its end, in a folder, and gives what it printed. */
async function run(
  [program, ...args]: [string, ...string[]],
  cwd: string,
  options: { env?: Record<string, string>; input?: string } = {},
): Promise<{ status: number | null; said: string }> {
  const env = environment(options.env);
  const child = spawn(program, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"], timeout: 60_000 });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  child.stdin.on("error", () => {}).end(options.input ?? "");
  const status = await new Promise<number | null>((next) => child.on("close", next));
  return { status, said };
}

/** Runs each of them, a few at a time, and gives what is wrong. */
async function wrong(chosen: Snippet[], check: (snippet: Snippet) => Promise<void>): Promise<string[]> {
  const [left, found] = [[...chosen], [] as string[]];
  const work = async () => {
    for (let snippet = left.shift(); snippet; snippet = left.shift()) {
      const { at } = snippet;
      await check(snippet).catch((error) => found.push(`${at}: ${(error as Error).message.slice(0, 1_500)}`));
    }
  };
  await Promise.all([work(), work(), work()]);
  return found.sort();
}

test("every snippet that is run elsewhere is there, and says where", () => {
  for (const [paper, holds] of elsewhere)
    assert(
      all.some(({ at, text }) => at.startsWith(`${paper}:`) && text.includes(holds)),
      `${paper} has no snippet with ${holds}`,
    );
});

test("programs in Python run, each by itself", async () => {
  const chosen = toRun("python");
  assert(chosen.length > 15);
  writeFileSync(join(temporary, "requests.jsonl"), requests);
  writeFileSync(join(temporary, "long.jsonl"), long);
  const site = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  const placedText = ({ at, text }: Snippet) => ({
    at,
    text: placed(text, stage).replaceAll("https://hooks.example.com/batches", site),
  });
  const input = JSON.stringify({
    servers: [`${stage.here.url}/v1`, `${stage.there.url}/v1`],
    receiver: site,
    snippets: chosen.map(placedText),
  });
  const { status, said } = await run([pythonWith(""), join(import.meta.dirname, "run.py")], temporary, {
    input,
  });
  const failing = said.split("\n").filter((line) => /^\S+\.md:\d+: /.test(line));
  assert.deepEqual([status, failing], [0, []], said);
});

/** What programs in JavaScript leave to their readers, by what names it. */
const leftOut: [RegExp, string][] = [
  [
    /^(?!.*\bconst client\b).*\bclient\./s,
    'const { default: OpenAI_ } = await import("openai");\nconst client = new OpenAI_({ baseURL: URL_, apiKey: "any" });',
  ],
  [
    /^(?!.*\bconst file\b).*\bfile\.id\b/s,
    'const { createReadStream: read_ } = await import("node:fs");\nconst file = await client.files.create({ purpose: "batch", file: read_("requests.jsonl") });',
  ],
  [/\bof stream\b/, 'const stream = (await import("node:fs")).createReadStream("requests.jsonl");'],
  [/\bMyKV\b/, 'const { MemoryKV: MyKV } = await import("edgebatch/node");'],
  [/\baccessKeyId\b/, 'const [accessKeyId, secretAccessKey] = ["key", "secret"];'],
  [
    /\bthere\./,
    `const library_ = await import("edgebatch/node");
const made_ = () => {
  const files = new library_.MemoryFiles();
  const ports = { kv: new library_.MemoryKV(), files, inference: library_.echoInference({ latencyMs: 50 }), models: library_.anyModel };
  return { files, batches: new library_.Batches(ports) };
};
const [{ files: files_, batches: here }, { batches: there }] = [made_(), made_()];
const input_ = await files_.add("requests.jsonl", new TextEncoder().encode(LONG_));
const { id } = await here.create({ input_file_id: input_.id, endpoint: "/v1/chat/completions", completion_window: "24h" });`,
  ],
  [
    /\bEventSource\b/,
    `const id = DONE_;
const OfPage_ = EventSource;
globalThis.EventSource = class extends OfPage_ { constructor(path) { super(new URL(path, URL_)); } };
const shown_ = [];
const show = (line) => shown_.push(line);
process.on("exit", () => { if (shown_.length !== 3) process.exitCode = 9; });`,
  ],
];

/** What ends a program that leaves something open. */
const ending: [RegExp, string][] = [
  [/\bnew pg\.Pool\b/, "await kv.set('a', new Uint8Array(1)); await pool.end();"],
  [/\bthere\./, "await Promise.all([here.stop(), there.stop()]);"],
];

test("programs in TypeScript and JavaScript run, each by itself, with the package", async (t) => {
  const chosen = toRun("ts", "js").filter(({ text }) => !/^[{[]/.test(text));
  assert(chosen.length > 8);
  // Within the project, so that its packages are found, and itself by its name.
  const within = join(root, "target/snippets-run");
  rmSync(within, { recursive: true, force: true });
  t.after(() => rmSync(within, { recursive: true, force: true }));
  const postgres = await Postgres.start();
  t.after(() => postgres.down("SIGKILL"));
  const DATABASE_URL = await postgres.database();
  const failing = await wrong(chosen, async ({ at, language, text }) => {
    const folder = join(within, at.replaceAll(/[/:]/g, "_"));
    mkdirSync(folder, { recursive: true });
    writeFiles(folder, `${text} requests.jsonl`);
    const facts = Object.entries({ URL_: `${stage.here.url}/v1`, DONE_: stage.done.id, LONG_: long });
    const constants = facts.map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`);
    const fits = (parts: [RegExp, string][]) =>
      parts.filter(([named]) => named.test(text)).map(([, part]) => part);
    const isRequire = /\brequire\(/.test(text);
    const before = isRequire ? [] : [...constants, ...fits(leftOut)];
    const name = `program.${isRequire ? "cjs" : language === "ts" ? "mts" : "mjs"}`;
    writeFileSync(join(folder, name), [...before, placed(text, stage), ...fits(ending)].join("\n"));
    const { status, said } = await run([process.execPath, "--experimental-eventsource", name], folder, {
      env: { DATABASE_URL, KEY: "any" },
    });
    assert.equal(status, 0, said);
  });
  assert.deepEqual(failing, []);
});

/** Commands that are to fail: what they say is why they are there. */
const failsRightly = /^edgebatch validate \*\.jsonl: [12]$/;

test("commands run, each snippet in a folder of its own", async () => {
  const chosen = toRun("sh");
  assert(chosen.length > 30);
  // What a comment says to do instead is another beginning.
  const each = chosen.flatMap(({ at, language, text }) =>
    text.split(/\n\n(?=# or )/).map((text, i) => ({ at: i === 0 ? at : `${at}:${i}`, language, text })),
  );
  const failing = await wrong(each, async ({ at, text }) => {
    const folder = join(temporary, at.replaceAll(/[/:]/g, "_"));
    mkdirSync(join(folder, "backups"), { recursive: true });
    writeFiles(folder, text);
    const { here, done } = stage;
    const isToRun = /\bmove |export|pause/.test(text);
    const batch = /batch_6a0f|\$ID\b/.test(text)
      ? async () => (isToRun ? (await createBatch(here.client, long)).id : done.id)
      : async () => "";
    if (text.includes("export --run")) await interrupted(folder);
    const env = {
      ...{ PATH: `${programs}:${process.env.PATH}`, OUTPUT: done.output, LAST: "", ADMIN_KEY: "any" },
      ...{ ID: await batch(), EDGEBATCH_URL: `${here.url}/v1` },
    };
    // The second of two batches to be moved is another one.
    const script = `trap 'echo "$BASH_COMMAND: $?" >> ${folder}/failed' ERR\n${placed(text, stage, await batch())}`;
    const { said } = await run(["bash", "-c", script], folder, { env });
    const failed = await readFailed(folder);
    assert.deepEqual(failed, [], said.slice(-900));
  });
  assert.deepEqual(failing, []);
});

async function readFailed(folder: string): Promise<string[]> {
  try {
    const lines = readFileSync(join(folder, "failed"), "utf8").trim().split("\n");
    return lines.filter((line) => !failsRightly.test(line));
  } catch {
    return [];
  }
}

/** A run of questions.jsonl that its user has stopped in the middle. */
async function interrupted(folder: string): Promise<void> {
  writeFileSync(join(folder, "questions.jsonl"), long);
  const { child, ended } = start(["run", "questions.jsonl", "--url", `${stage.here.url}/v1`], {
    cwd: folder,
  });
  let said = "";
  child.stderr?.on("data", (text) => (said += text));
  await until(
    "it runs",
    () => /\b[1-9]\d* of 1,?500|\b[1-9]\d*\/1,?500/.test(said) || child.exitCode !== null,
  );
  child.kill("SIGINT");
  await ended;
}

suite("the quick start", () => {
  const quick = all.filter(({ at }) => at.startsWith("docs/quick-start.md"));
  const command = `node ${join(root, "js/cli/main.ts")}`;

  test("writes a file that is valid, and its program runs it to the end", () => {
    const [first] = quick.filter(({ language }) => language === "sh");
    const script = (first as Snippet).text.replaceAll("npx edgebatch", command);
    const path = `${join(root, "node_modules/.bin")}:${process.env.PATH}`;
    const options = { cwd: temporary, encoding: "utf8", env: { ...process.env, PATH: path } } as const;
    const said = spawnSync("bash", ["-e"], { ...options, input: script });
    assert.equal(said.status, 0, said.stderr);
    const program = quick.find(({ language }) => language === "ts") as Snippet;
    mkdirSync(join(temporary, "data"));
    const entry = JSON.stringify(join(root, "js/entry/node.ts"));
    writeFileSync(join(temporary, "program.mts"), program.text.replaceAll('"edgebatch/node"', entry));
    const run = spawnSync(process.execPath, ["program.mts"], options);
    assert.equal(run.status, 0, run.stderr);
    const ids = run.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).custom_id);
    assert.deepEqual(ids, ["first", "second"]);
  });
});
