/** Guards the deployment from the package: a project of three files, which is examples/worker, and nothing built in it. */

import { strict as assert } from "node:assert";
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import OpenAI from "openai";
import { parse } from "smol-toml";
import { installPacked } from "../packed.ts";
import { startCloudflareApi } from "./inside/cloudflare-api.ts";
import { startDev, wrangler } from "./inside/wrangler.ts";
import { chatLines, createBatch, ended, linesOf } from "./server.ts";

const root = resolve(import.meta.dirname, "../../..");
const run = promisify(execFile);
let project = "";
let installed = "";

before(() => {
  project = mkdtempSync(join(tmpdir(), "edgebatch-project-"));
  installed = installPacked(project);
  cpSync(join(installed, "examples/worker"), project, { recursive: true });
  // The package's one dependency that the Worker has.
  symlinkSync(join(root, "node_modules/hono"), join(project, "node_modules/hono"));
});
after(() => rm(project, { recursive: true, force: true }));

const wrangle = (args: string[], env?: Record<string, string>) => wrangler(project, args, env);

/** With objects as literals make them. */
const toml = (path: string) => JSON.parse(JSON.stringify(parse(readFileSync(path, "utf8"))));

test("the project is three files, and says what the sources' own wrangler.toml says", () => {
  const files = readdirSync(join(installed, "examples/worker"), { recursive: true }).sort();
  assert.deepEqual(files, [
    ".dev.vars.example",
    "README.md",
    "package.json",
    "src",
    "src/index.ts",
    "wrangler.toml",
  ]);
  const [own, its] = [toml(join(root, "wrangler.toml")), toml(join(project, "wrangler.toml"))];
  for (const name of ["compatibility_date", "r2_buckets", "durable_objects", "migrations", "triggers"])
    assert.deepEqual(its[name], own[name], name);
  assert.deepEqual(its.assets, { ...own.assets, directory: "node_modules/edgebatch/dist/page" });
  const { version } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  const { dependencies, cloudflare } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
  assert.equal(dependencies.edgebatch, `^${version}`);
  // What a deploy button explains is there to be asked for.
  const secrets = readFileSync(join(project, ".dev.vars.example"), "utf8").match(/^\w+(?==)/gm) ?? [];
  const known = [...secrets, ...Object.keys(its.vars), "FILES"];
  for (const name of Object.keys(cloudflare.bindings)) assert.ok(known.includes(name), name);
  assert.deepEqual(secrets, ["API_KEYS", "UPSTREAM_KEY"]);
});

test("wrangler builds it from the package alone", async () => {
  await wrangle(["deploy", "--dry-run", "--outdir", "built"]);
  const built = readdirSync(join(project, "built"));
  for (const wasm of ["edgebatch_bg.wasm", "turns_bg.wasm"])
    assert.ok(
      built.some((name) => name.endsWith(wasm)),
      built.join(),
    );
  assert.match(readFileSync(join(project, "built/index.js"), "utf8"), /Lane,\n {2}Runner,\n {2}Tenant/);
});

test("its types are those of the platform, and a Worker may wrap it", async () => {
  await wrangle(["types"]);
  const wrapping = `
import worker, { Lane, Runner, Tenant } from "edgebatch/worker";
export { Lane, Runner, Tenant };
export default {
  fetch: (request, env, ctx) => (request.url.endsWith("/up") ? new Response("yes") : worker.fetch(request, env, ctx)),
  scheduled: worker.scheduled,
} satisfies ExportedHandler<Env>;
`;
  const check = async (name: string, code: string) => {
    writeFileSync(join(project, name), code);
    const options = ["--noEmit", "--strict", "--target", "es2024", "--lib", "es2024", "--module", "preserve"];
    const files = ["worker-configuration.d.ts", "src/index.ts", name];
    const tsc = [join(root, "node_modules/.bin/tsc"), ...options, "--types", "", ...files];
    return run(process.execPath, tsc, { cwd: project }).then(
      () => "",
      ({ stdout }) => String(stdout),
    );
  };
  assert.equal(await check("wrapping.ts", wrapping), "");
  assert.match(await check("wrong.ts", wrapping.replace("fetch(request,", "fetch(1,")), /^wrong\.ts.*error/);
});

test("it serves the page, and runs a batch to its end", { timeout: 120_000 }, async () => {
  const { url, stop, printed } = await startDev(project, ["--var", "ALLOW_ANONYMOUS:1"]);
  try {
    assert.match(await (await fetch(url)).text(), /<!doctype html>/);
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
    const lines = chatLines(20).replaceAll(/"model":"[^"]*"/g, '"model":"echo-1"');
    const batch = await ended(client, (await createBatch(client, lines)).id);
    assert.equal(batch.status, "completed", printed());
    assert.deepEqual(batch.request_counts, { total: 20, completed: 20, failed: 0 });
    assert.equal((await linesOf(client, batch.output_file_id)).length, 20);
  } finally {
    await stop();
  }
});

/** Every tag that was ever deployed, oldest first: what is said here may not be said otherwise again. */
const RELEASED = [
  { tag: "v1", new_sqlite_classes: ["Tenant", "Runner"] },
  { tag: "v2", new_sqlite_classes: ["Lane"] },
];

test("it is deployed, over nothing and over each older deployment, whose objects and secrets stay", async () => {
  const { migrations } = toml(join(project, "wrangler.toml")) as { migrations: typeof RELEASED };
  assert.deepEqual(migrations.slice(0, RELEASED.length), RELEASED);
  const steps = migrations.map(({ tag: _, ...step }) => step);
  for (const [older, { tag: old_tag } = { tag: undefined }] of [undefined, ...migrations].entries()) {
    const api = await startCloudflareApi();
    try {
      if (old_tag !== undefined) api.deployedBefore(old_tag);
      const account = { CLOUDFLARE_API_TOKEN: "any", CLOUDFLARE_ACCOUNT_ID: "any" };
      await wrangle(["deploy"], { ...account, CLOUDFLARE_API_BASE_URL: api.url });
      const uploaded = api.uploads.at(-1);
      const left = steps.slice(older);
      const new_tag = migrations.at(-1)?.tag;
      const expected = { ...(old_tag !== undefined && { old_tag }), new_tag, steps: left };
      assert.deepEqual(uploaded?.migrations, left.length > 0 ? expected : undefined);
      const objects = uploaded?.bindings.flatMap(({ name, class_name }) =>
        class_name ? [[name, class_name]] : [],
      );
      assert.deepEqual(objects, [
        ["TENANTS", "Tenant"],
        ["RUNNERS", "Runner"],
        ["LANES", "Lane"],
      ]);
      assert.ok(uploaded?.keep_bindings.includes("secret_text"));
      assert.deepEqual(api.crons(), ["* * * * *"]);
    } finally {
      api.close();
    }
  }
  assert.ok(!existsSync(join(project, ".dev.vars")));
});
