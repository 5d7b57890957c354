/** Output and error files, read by every reader of lines that people use: one record for each request, the same for all. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, suite, test } from "node:test";
import fc from "fast-check";
import { anyModel, Batches, DiskFiles, MemoryKV, readLines } from "../../js/entry/node.ts";

const folder = mkdtempSync(join(tmpdir(), "edgebatch-readers-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const endpoint = "/v1/chat/completions";

/** Every character that some reader takes for the end of a line, and what is near them. */
const awkward = fc.constantFrom(
  ...["\u2028", "\u2029", "\u0085", "\v", "\f", "\x1c", "\x1d", "\x1e", "\r", "\n", "\r\n", "\0"],
  ...["\u0084", "\u0086", "\u2027", "\u202a", "é", "😀", "\\u2028", '"', "\\", "\ufeff", "\ud83d", "a"],
);
const text = fc.array(awkward, { maxLength: 8 }).map((parts) => parts.join(""));

/** What the model server sends for a request: an answer or a refusal, written raw or with escapes. */
const answers = fc.array(
  fc.record({ id: text, said: text, status: fc.constantFrom(200, 200, 400, 422), raw: fc.boolean() }),
  { minLength: 1, maxLength: 12 },
);

/** JSON with all that JSON takes as it is left as it is, as many servers write it, or with everything escaped. */
function json(value: unknown, raw: boolean): string {
  const written = JSON.stringify(value);
  if (raw) return written;
  return written.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

async function run(cases: { id: string; said: string; status: number; raw: boolean }[]) {
  const lines = cases.map(({ id }, n) =>
    json(
      {
        custom_id: `${n}${id.toWellFormed()}`,
        method: "POST",
        url: endpoint,
        body: { model: "m", messages: [], n },
      },
      false,
    ),
  );
  const files = new DiskFiles(mkdtempSync(join(folder, "f-")));
  const infer = async ({ body }: { body: Uint8Array }) => {
    const { n } = JSON.parse(new TextDecoder().decode(body));
    const { said, status, raw } = cases[n] as (typeof cases)[number];
    const answer =
      status === 200
        ? { choices: [{ message: { content: said } }] }
        : { error: { message: said, code: said } };
    return { status, body: new TextEncoder().encode(json(answer, raw)) };
  };
  const batches = new Batches({ kv: new MemoryKV(), files, inference: { infer }, models: anyModel });
  const writer = await files.create({ filename: "in.jsonl", purpose: "batch" });
  await writer.write(new TextEncoder().encode(`${lines.join("\n")}\n`));
  const { id: input_file_id } = await writer.complete();
  const { id } = await batches.create({ input_file_id, endpoint, completion_window: "24h" });
  const batch = await batches.wait(id, { pollMs: 5 });
  await batches.stop();
  assert.equal(batch.status, "completed", JSON.stringify(batch.errors));
  return { files, batch };
}

/** The records as Python's ways to read lines give them. */
const python = `
import io, json, sys
path = sys.argv[1]
data = open(path, "rb").read()
text = data.decode("utf-8")
ways = {
    "splitlines": text.splitlines(),
    "text file": list(open(path, encoding="utf-8")),
    "bytes splitlines": data.splitlines(),
    "universal newlines": io.StringIO(text, newline=None).read().split("\\n")[:-1],
}
print(json.dumps({way: [json.loads(line)["custom_id"] for line in lines] for way, lines in ways.items()}))
`;

suite("a result file", () => {
  test("has one record for each request, whoever reads its lines", async () => {
    await fc.assert(
      fc.asyncProperty(answers, async (cases) => {
        const { files, batch } = await run(cases);
        let records = 0;
        for (const fileId of [batch.output_file_id, batch.error_file_id]) {
          if (fileId === null) continue;
          const ours: string[] = [];
          for await (const line of readLines(files, fileId)) ours.push(JSON.parse(line).custom_id);
          records += ours.length;
          const path = await files.path(fileId);
          assert.ok(path !== null);
          const node: string[] = [];
          for await (const line of createInterface({ input: createReadStream(path) })) {
            node.push(JSON.parse(line).custom_id);
          }
          assert.deepEqual(node, ours, "node:readline");
          const { stdout, stderr, status } = spawnSync("python3", ["-c", python, path], { encoding: "utf8" });
          assert.equal(status, 0, stderr);
          for (const [way, ids] of Object.entries(JSON.parse(stdout))) assert.deepEqual(ids, ours, way);
        }
        assert.equal(records, cases.length);
      }),
      { numRuns: 40 },
    );
  });
});
