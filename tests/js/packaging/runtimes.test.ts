/** The packed package on each runtime, as a project would use it that has nothing else. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { programs } from "../server/suite/runtimes.ts";
import { prepare, right, root, run, tool } from "./projects.ts";

let folder = "";
let installed = "";
before(() => {
  ({ folder, installed } = prepare("runtimes", "node", "bun"));
});

const [bun, deno] = [programs.bun[0], programs.deno[0]];
const oldest = tool("node-oldest", "bin/node");

for (const [name, program] of [
  ["the oldest Node that is supported", oldest],
  ["the Node of this project", process.execPath],
] as const) {
  test(`${name} imports it, and requires it`, async () => {
    for (const file of ["node/main.mjs", "node/main.cjs"])
      assert.equal(await run(program, ["--no-warnings", file], folder), right, file);
  });
}

test("the oldest Node is the one that package.json says", async () => {
  const { engines } = (await import(join(root, "package.json"), { with: { type: "json" } })).default;
  assert.equal(
    engines.node,
    `>=${(await run(oldest, ["--version"], folder)).replace(/^v(\d+\.\d+)\..*/, "$1")}`,
  );
});

test("Bun imports it, and builds it to a file and to a program of its own", async () => {
  assert.equal(await run(bun, ["node/main.mjs"], folder), right);
  // The files of a package are not part of what Bun builds: the entry that has all inside is.
  await run(bun, ["build", "bun/inline.js", "--target=bun", "--outfile=built.js"], folder);
  assert.equal(await run(bun, ["built.js"], folder), right);
  await run(bun, ["build", "bun/inline.js", "--compile", "--outfile=program"], folder);
  assert.equal(await run(join(folder, "program"), [], folder), right);
});

test("Deno imports it from node_modules, and may do no more than read it", async () => {
  const args = ["run", "--no-remote", "--node-modules-dir=manual", "--allow-read=.", "node/main.mjs"];
  writeFileSync(join(folder, "package.json"), '{ "type": "module", "dependencies": { "edgebatch": "*" } }');
  assert.equal(await run(deno, args, folder), right);
  assert.equal(
    await run(deno, ["run", "--no-remote", "--node-modules-dir=manual", "bun/inline.js"], folder),
    right,
  );
});

test("TypeScript knows its types, from the oldest version that does, under each resolution of modules", async () => {
  const program = `import { Batches, type Batch, Validator } from "edgebatch";
    import { Validator as Manual, load } from "edgebatch/manual";
    import { IndexedDbKV, OpfsFiles, Validator as Inline, type WebLockOptions } from "edgebatch/inline";
    export const all = [Batches, Validator, Manual, load, Inline, IndexedDbKV];
    export const options: WebLockOptions = { wait: true };
    export const saved: Promise<Blob | null> = new OpfsFiles("a").blob("file-a");
    export const idOf = (batch: Batch): string => batch.id;
    // @ts-expect-error
    export const wrong = (batch: Batch): number => batch.id;\n`;
  writeFileSync(join(folder, "main.ts"), program);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const lib = ["es2022", "dom", "esnext.disposable"];
  for (const version of [tool("typescript-oldest", "bin/tsc"), join(root, "node_modules/typescript/bin/tsc")])
    for (const [module, moduleResolution] of [
      ["esnext", "bundler"],
      ["nodenext", "nodenext"],
      ["node16", "node16"],
    ] as const) {
      const strict = {
        noEmit: true,
        strict: true,
        target: "es2022",
        lib,
        types: [],
        module,
        moduleResolution,
      };
      writeFileSync(
        join(folder, "tsconfig.json"),
        JSON.stringify({ compilerOptions: strict, files: ["main.ts"] }),
      );
      const printed = await run(process.execPath, [version, "-p", "."], folder);
      assert.equal(printed, "", `${version} ${moduleResolution}`);
    }
});

test("publint and attw have nothing to say of it", async () => {
  assert.match(
    await run(process.execPath, [tool("publint", "src/cli.js"), installed, "--strict"], folder),
    /All good!/,
  );
  // It has one form, of modules: what requires it, takes it as such. And a wasm has no types.
  const args = [
    "--profile",
    "node16",
    "--ignore-rules",
    "cjs-resolves-to-esm",
    "--exclude-entrypoints",
    "./wasm/edgebatch_bg.wasm",
    "./wasm/turns_bg.wasm",
    "./package.json",
  ];
  const { readdirSync } = await import("node:fs");
  const packed = readdirSync(folder).find((name) => name.endsWith(".tgz")) as string;
  await run(process.execPath, [tool("@arethetypeswrong/cli", "dist/index.js"), packed, ...args], folder);
});
