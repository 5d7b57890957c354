/** Snippets of the papers: each is parsed or type-checked as what it is, and the commands in them have the options that they are given. */

import { strict as assert } from "node:assert";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { transform } from "esbuild";
import { parse as parseToml } from "smol-toml";
import { parseAllDocuments } from "yaml";
import { edgebatch } from "../cli/command.ts";
import { type Snippet, snippets, texts } from "./papers.ts";

const root = join(import.meta.dirname, "../../..");
const all = snippets();
const of = (...languages: string[]) => all.filter(({ language }) => languages.includes(language));

/** What is wrong with each, where something is. */
async function wrong(
  chosen: Snippet[],
  check: (text: string, snippet: Snippet) => unknown,
): Promise<string[]> {
  const found: string[] = [];
  for (const snippet of chosen) {
    try {
      await check(snippet.text, snippet);
    } catch (error) {
      found.push(`${snippet.at}: ${(error as Error).message.slice(0, 400)}`);
    }
  }
  return found;
}

const temporary = mkdtempSync(join(tmpdir(), "edgebatch-snippets-"));
after(() => rmSync(temporary, { recursive: true }));

test("every snippet is of a language that is checked here", () => {
  const checked = ["json", "jsonl", "toml", "yaml", "sh", "python", "ts", "js", "rust", ...texts];
  assert(all.length > 50);
  assert.deepEqual(
    all.filter(({ language }) => !checked.includes(language)).map(({ at, language }) => `${at}: ${language}`),
    [],
  );
});

suite("data", () => {
  test("JSON is JSON, where … stands for what is left out", async () => {
    // As a value, as a member's value within text, or for the rest of an object's members.
    const whole = (text: string) =>
      text
        .replaceAll(/(?<=[{[,]\s*)…(?=\s*[}\]])/g, '"…": 0')
        .replaceAll(/,(?=\s*"…": 0)/g, ",")
        .replaceAll(/\[\s*"…": 0/g, "[0");
    const value = (text: string) => JSON.parse(whole(text.trim().startsWith('"') ? `{${text}}` : text));
    const lines = (text: string) => text.trim().split("\n").map(value);
    const failing = await wrong(of("json", "jsonl"), (text) => {
      try {
        return value(text);
      } catch {
        return lines(text);
      }
    });
    assert.deepEqual(failing, []);
  });

  test("TOML is TOML", async () => {
    assert(of("toml").length > 0);
    assert.deepEqual(await wrong(of("toml"), (text) => parseToml(text)), []);
  });

  test("YAML is YAML", async () => {
    const failing = await wrong(of("yaml"), (text) => {
      for (const { errors } of parseAllDocuments(text)) if (errors[0]) throw errors[0];
    });
    assert.deepEqual(failing, []);
  });
});

suite("commands", () => {
  test("are in the shell's grammar", async () => {
    assert(of("sh").length > 20);
    const failing = await wrong(of("sh"), (text) => {
      const { status, stderr } = spawnSync("bash", ["-n"], { input: text, encoding: "utf8" });
      if (status !== 0) throw new Error(stderr);
    });
    assert.deepEqual(failing, []);
  });

  test("name commands of edgebatch that there are, with options that these have", async () => {
    const helps = new Map<string, string>();
    const help = async (...words: string[]) => {
      const key = words.join(" ");
      const known = helps.get(key) ?? (await edgebatch([...words, "--help"])).stdout;
      helps.set(key, known);
      return known;
    };
    const listed = /(?<=^Commands:\n)(?: .*\n)+/m.exec(await help())?.[0] ?? "";
    const commands = new Set([...listed.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name as string));
    assert(commands.has("serve") && commands.size > 15);
    let checked = 0;
    const failing = await wrong(of("sh"), async (text) => {
      const joined = text.replaceAll("\\\n", " ").replaceAll(/(^|\s)#.*$/gm, "$1");
      const program = joined.replaceAll(/\bnpm (?:i|install) [^\n;|&]*/g, "");
      for (const [, rest = ""] of program.matchAll(/(?:^|[\s(;&|])edgebatch((?: [^\n;|&>)]*)?)/g)) {
        const words = rest.trim().split(/\s+/);
        const [name = ""] = words;
        // The name of an image, a folder, a package or a container.
        if (!/^[a-z]+$/.test(name) || name === "edgebatch") continue;
        if (!commands.has(name)) throw new Error(`edgebatch has no command ${name}`);
        const told = await help(...(name === "keys" ? words.slice(0, 2) : [name]));
        checked += 1;
        for (const option of words
          .filter((word) => /^--[a-z]/.test(word))
          .map((word) => word.split("=")[0])) {
          if (!new RegExp(`${option}(?![a-z-])`).test(told))
            throw new Error(`${name} has no option ${option}`);
        }
      }
    });
    assert.deepEqual(failing, []);
    assert(checked > 30, `${checked} commands are checked`);
  });
});

suite("programs", () => {
  test("in Python are Python", async (t) => {
    if (spawnSync("python3", ["--version"]).status !== 0) return t.skip("there is no python3");
    assert(of("python").length > 10);
    const program =
      "import ast, json, sys\nfor at, text in json.load(sys.stdin):\n  try: ast.parse(text)\n  except SyntaxError as e: print(at, e)";
    const input = JSON.stringify(of("python").map(({ at, text }) => [at, text]));
    assert.equal(execFileSync("python3", ["-c", program], { input, encoding: "utf8" }), "");
  });

  test("in Rust stand in the sources, which are compiled and run", async () => {
    const folders = ["component/host/src", "component/host/tests", "component/host/examples", "examples"];
    const sources = folders.flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".rs"))
        .map((name) => readFileSync(join(root, folder, name), "utf8")),
    );
    // Those of comments are run as well.
    const plain = (line: string) =>
      line
        .trim()
        .replace(/^\/\/[!/] ?/, "")
        .trim();
    const lines = new Set(sources.flatMap((source) => source.split("\n").map(plain)));
    const failing = await wrong(of("rust"), (text) => {
      const missing = text.split("\n").filter((line) => !lines.has(plain(line)));
      if (missing.length > 0) throw new Error(`not in the sources: ${missing.join(" / ")}`);
    });
    assert(of("rust").length > 0);
    assert.deepEqual(failing, []);
  });

  test("in TypeScript and JavaScript are in its grammar", async () => {
    const failing = await wrong(of("ts", "js"), (text, { language }) =>
      // A lone object is what stands somewhere in a file.
      transform(/^[{[]/.test(text) ? `(${text})` : text, {
        loader: language as "ts" | "js",
        format: "esm",
        logLevel: "silent",
      }),
    );
    assert(of("ts", "js").length > 5);
    assert.deepEqual(failing, []);
  });
});

/** Not type-checked, with the reason. */
const untyped = {
  "docs/webhooks.md": "JavaScript: in TypeScript, the type of the event must be asked for before its data",
  "docs/component.md": "the module is made by jco from a component that is built elsewhere",
};

/** What snippets leave to their readers. */
const leftOut = `
import type OpenAI from "openai";
import type { Batches, KV } from "edgebatch";
import type { DenoKvDatabase } from "edgebatch/node";
declare global {
  const stream: AsyncIterable<Uint8Array>;
  const id: string;
  const file: { id: string };
  const client: OpenAI;
  const here: Batches;
  const there: Batches;
  const show: (line: unknown) => void;
  const MyKV: new () => KV;
  const accessKeyId: string;
  const secretAccessKey: string;
  const Deno: { openKv(path: string): Promise<DenoKvDatabase> };
}
`;

test("programs in TypeScript and JavaScript have the types of the library", (t) => {
  // Within the project, so that its packages are found.
  const folder = join(root, "target/snippets");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  t.after(() => rmSync(folder, { recursive: true }));
  const paths = Object.fromEntries(
    [
      ["edgebatch", "browser"],
      ["edgebatch/node", "node"],
      ["edgebatch/workers", "workerd"],
      ["edgebatch/manual", "manual"],
    ].map(([name, entry]) => [name, [`../../js/entry/${entry}.ts`]]),
  );
  const compilerOptions = { paths, noImplicitReturns: false };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["*.ts"] }),
  );
  writeFileSync(join(folder, "left-out.ts"), leftOut);
  writeFileSync(
    join(folder, "wasm.d.ts"),
    'declare module "*.wasm?url" {\n  const url: string;\n  export default url;\n}\n',
  );
  const typed = of("ts", "js").filter(
    ({ at }) => !Object.keys(untyped).some((paper) => at.startsWith(`${paper}:`)),
  );
  assert(typed.length > 12);
  for (const { at, text } of typed)
    writeFileSync(join(folder, `${at.replaceAll(/[/:]/g, "_")}.ts`), `export {};\n${text}`);
  const { stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", folder], {
    cwd: root,
    encoding: "utf8",
  });
  assert.equal(stdout, "");
});
