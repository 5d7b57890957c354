/** Guards docs/errors.md: it has every code of the contract, and its texts are those that the core gives. */

import { strict as assert } from "node:assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { anyModel, Batches, echoInference, echoModels, MemoryFiles, MemoryKV } from "../../js/entry/node.ts";
import { type Entry, entries, type Sample } from "./errors.table.ts";

const root = join(import.meta.dirname, "../..");
const path = join(root, "docs/errors.md");
const contract = readFileSync(join(root, "docs/contract.md"), "utf8");
const dialects = ["reference", "openai"] as const;

interface Given {
  code: string | null;
  message: string;
}

/** The first error that the sample is given. */
async function given(sample: Sample, dialect: (typeof dialects)[number]): Promise<Given | undefined> {
  const endpoint = "/v1/chat/completions";
  if ("lines" in sample) {
    const { singleModel, ...limits } = sample.options ?? {};
    const files = new MemoryFiles();
    const batches = new Batches({
      ...{ kv: new MemoryKV(), files, inference: echoInference(), dialect, limits, autostart: false },
      ...{ singleModel: singleModel === true, models: singleModel ? anyModel : echoModels },
    });
    const writer = await files.create({ filename: "in.jsonl", purpose: "batch" });
    await writer.write(
      typeof sample.lines === "string" ? new TextEncoder().encode(sample.lines) : sample.lines,
    );
    const { id } = await writer.complete();
    const { errors } = await batches.validateInput({ input_file_id: id, endpoint });
    await batches.stop();
    return errors[0];
  }
  const batches = new Batches({
    ...{
      kv: new MemoryKV(),
      files: new MemoryFiles(),
      inference: echoInference(),
      models: echoModels,
      dialect,
    },
    ...{ ...sample.options, autostart: false },
  });
  const params = { input_file_id: "file-x", endpoint, completion_window: "24h" as const, ...sample.create };
  try {
    await batches.create(params);
  } catch (error) {
    return error as Given;
  } finally {
    await batches.stop();
  }
  return undefined;
}

const texts = new Map<string, (Given | undefined)[]>();

before(async () => {
  for (const { code, sample } of entries) {
    if (sample === undefined) continue;
    texts.set(code, [await given(sample, "reference"), await given(sample, "openai")]);
  }
});

const quoted = (text: string) => `\`${text.length > 300 ? `${text.slice(0, 300)}…` : text}\``;

/** What a code's section says. */
function section({ code, where, cause, cure }: Entry): string {
  const [reference, openai] = texts.get(code) ?? [];
  const said = [
    ["Reference dialect", reference],
    ["OpenAI's dialect", openai],
  ] as const;
  const lines =
    reference?.message === openai?.message && reference !== undefined
      ? [`- **Both dialects:** ${quoted(reference.message)}`]
      : said.flatMap(([name, it]) => {
          if (it === undefined) return [];
          return [`- **${name}:** ${quoted(it.message)}${it.code === code ? "" : ` (as \`${it.code}\`)`}`];
        });
  return [
    `## ${code}`,
    "",
    `Seen in: ${where}.`,
    "",
    ...lines,
    `- **Cause:** ${cause}`,
    `- **Cure:** ${cure}`,
    "",
  ].join("\n");
}

/** The page as it is to be. */
function page(): string {
  const sorted = entries.toSorted((a, b) => (a.code < b.code ? -1 : 1));
  return `# Errors

Every code that edgebatch gives, what causes it, and what to do. Each has an address of its own: this page, and \`#\` with the code. The
texts are those of a sample; yours name your own values. A code that is not here is the model server's.

Where a code is seen: in _validation_, as an error of the batch, of the page and of \`edgebatch validate\`; in the _error file_ of a batch;
in the answers to _calls_; or thrown by the _library_. [The contract](contract.md) has the rules in full.

${sorted.map(section).join("\n")}`;
}

test("every code of the contract has a section, and no other", () => {
  const part = (from: string, to: string) => contract.slice(contract.indexOf(from), contract.indexOf(to));
  const cells = (text: string, column: number) =>
    [...text.matchAll(/^\|(.*)\|$/gm)].map(([, row]) => row?.split(/(?<!\\)\|/)[column] ?? "");
  const found = [
    ...cells(part("## 3. ", "## 4. "), 0),
    ...cells(part("## 4. ", "## 5. "), 0),
    ...cells(part("## 7. ", "### 7.1"), 1),
    /^In the library alone:[\s\S]*?\./m.exec(contract)?.[0] ?? "",
    // Named in the text on error files.
    "`invalid_response`, `request_failed`",
  ].flatMap((cell) => [...cell.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, code]) => code as string));
  assert(found.length > 60, "the tables are found");
  const listed = entries.map(({ code }) => code);
  assert.deepEqual([...new Set(found)].sort(), listed.toSorted());
});

test("every sample is given the code that it stands for, in one dialect at least", () => {
  const wrong = [...texts].filter(([code, all]) => !all.some((it) => it?.code === code));
  assert(texts.size > 20);
  assert.deepEqual(
    wrong.map(([code, all]) => [code, ...all.map((it) => it?.code)]),
    [],
  );
});

test("docs/errors.md says what the core says (UPDATE_DOCS=1 writes it)", () => {
  if (process.env.UPDATE_DOCS) writeFileSync(path, page());
  else assert.equal(readFileSync(path, "utf8"), page());
});
