/** What snippets stand in front of: servers, files and, for commands, the programs that a reader has. */

import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { command } from "../cli/command.ts";
import { chatLines, createBatch, ended } from "../server/suite/batches.ts";
import { type Started, startServer } from "../server/suite/server.ts";

/** Lines of the file that everybody sends, and of one that takes longer than whoever looks at its batch. */
export const requests = chatLines(3);
export const long = chatLines(1_500);

export interface Stage {
  here: Started;
  there: Started;
  /** What is before a model server's `/v1`. */
  model: Started;
  /** Of a batch that has ended, with one request that has an answer and two that have none. */
  done: { id: string; input: string; output: string };
  stop(): Promise<void>;
}

export async function setStage(): Promise<Stage> {
  const settings = { ECHO_LATENCY_MS: "30", MAX_CONCURRENT_REQUESTS: "8", MAX_CONCURRENT_BATCHES: "30" };
  const prices = { PRICES: "*=1/3", WEBHOOK_ALLOW_PRIVATE: "1" };
  const servers = [{ ...settings, ...prices }, settings, {}].map((each) => startServer(each));
  const [here, there, model] = (await Promise.all(servers)) as [Started, Started, Started];
  const edgebatch = { budget: { requests: 1 } };
  const { id } = await createBatch(here.client, requests, { edgebatch } as object);
  const batch = await ended(here.client, id);
  return {
    ...{ here, there, model },
    done: { id, input: batch.input_file_id, output: batch.output_file_id as string },
    stop: async () => {
      await Promise.all([here.stop(), there.stop(), model.stop()]);
    },
  };
}

/** A snippet with the addresses, ids and folders that it has here. `batch` is what it calls `batch_6a0f`. */
export function placed(text: string, stage: Stage, batch = ""): string {
  const { here, there, model, done } = stage;
  const today = new Date().toISOString().slice(0, 10);
  const places: [string | RegExp, string][] = [
    [/http:\/\/(127\.0\.0\.1|localhost|old):8080/g, here.url],
    ["https://edgebatch.example.workers.dev", here.url],
    ["https://api.openai.com", here.url],
    ["http://new:8080", there.url],
    ["http://localhost:8000", model.url],
    ["https://generativelanguage.googleapis.com/v1beta/openai/", `${model.url}/v1`],
    ["/var/lib/edgebatch-new", "./restored"],
    [/(?<=backup [^\n]+ --data )\/var\/lib\/edgebatch\b/, join(here.stateDir, "data")],
    ["/var/lib/edgebatch", "./data"],
    ["/backups/", "./backups/"],
    ["2026-01-31", today],
    ["file-…/content", `${done.output}/content`],
    ["file-…", done.input],
    ["batch_6a0f", batch],
    ["batch_…", done.id],
    ["sk-…", "any"],
    // The fence is what the import before it printed.
    ["--json | jq -r .fence", "--json | jq -r .fence | tee fence"],
    ["00c3e8a4d1b29f57", "$(cat fence)"],
    // On another machine.
    [/\n(edgebatch import )(?=batch\.edgebatch --run)/, "\nmkdir other; cd other; $1../"],
  ];
  return places.reduce(
    (placed, [from, to]) =>
      typeof from === "string" ? placed.replaceAll(from, to) : placed.replace(from, to),
    text,
  );
}

const csv = "text\nWhat is a batch?\nAnd a lease?\n";
const body = { id: "c", object: "chat.completion", choices: [] };
const answered = (n: number) =>
  `${JSON.stringify({ id: `r${n}`, custom_id: `request-${n}`, response: { status_code: 200, request_id: "", body }, error: null })}\n`;
const failed = (n: number) =>
  `${JSON.stringify({ id: `r${n}`, custom_id: `request-${n}`, response: null, error: { code: "batch_expired", message: "late" } })}\n`;

/** Files that snippets name, by how they name them. */
const files: [RegExp, string, string | Buffer][] = [
  [/\brequests\.jsonl\b|\*\.jsonl/, "requests.jsonl", requests],
  [/^(?!.*gzip -k).*\brequests\.jsonl\.gz\b/s, "requests.jsonl.gz", gzipSync(requests)],
  [/\brequests\.jsonl\.zst\b/, "requests.jsonl.zst", zstdCompressSync(requests)],
  [
    /\brequests\.json\b/,
    "requests.json",
    JSON.stringify(
      requests
        .trim()
        .split("\n")
        .map((text) => JSON.parse(text)),
    ),
  ],
  [/\burgent\.jsonl\b/, "urgent.jsonl", requests],
  [/\bquestions\.jsonl\b/, "questions.jsonl", requests],
  [/\bmillion\.jsonl\b/, "million.jsonl", requests],
  [/\bquestions\.csv\b/, "questions.csv", csv],
  [/\breviews\.csv\b/, "reviews.csv", "shop,review\nnorth,I like it.\n"],
  [/\bchats\.json\b/, "chats.json", '[{"turns": [{"role": "user", "content": "Hello"}], "most": 5}]'],
  [/\btexts\.txt\b/, "texts.txt", "One\nTwo\n"],
  [/\?{3}\.output\.jsonl/, "requests.001.output.jsonl", answered(0) + answered(1)],
  [/\?{3}\.errors\.jsonl/, "requests.001.errors.jsonl", failed(2)],
  [/\bin\.jsonl\b/, "in.jsonl", requests],
  [/\bout\.jsonl\b/, "out.jsonl", answered(0) + answered(1)],
  [/\berr\.jsonl\b/, "err.jsonl", failed(2)],
];

/** Writes the files that a text names. */
export function writeFiles(folder: string, text: string): void {
  for (const [named, name, content] of files)
    if (named.test(text)) writeFileSync(join(folder, name), content);
}

/**
 * Programs of others, which do nothing here: what snippets say of them is not ours to try. Where a program prints something that
 * goes on, it is that.
 */
const others: Record<string, string> = {
  ...{ npm: "", cargo: "", docker: "", systemctl: "", vllm: "", inspect: "" },
  openssl: "echo 0123456789abcdef0123456789abcdef0123456789abcdef",
};

/** `edgebatch serve` is there until it says where it listens: then it has served its snippet, and ends as an operator ends it. */
const serveOnce = `
import { spawn } from "node:child_process";
const [program, ...args] = ${JSON.stringify(command)};
const child = spawn(program, [...args, ...process.argv.slice(2), "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
let said = "";
child.stdout.on("data", (text) => {
  if (!/http:\\/\\/\\S+:\\d+/.test(said) && /http:\\/\\/\\S+:\\d+/.test((said += text))) child.kill();
});
child.on("close", (status) => process.exit(/http/.test(said) ? status : 1));
`;

/** Paths of members, as jq has them, over one value or lines of them. */
const jq = `
import { readFileSync } from "node:fs";
const [path, ...options] = process.argv.slice(2).reverse();
const text = readFileSync(0, "utf8").trim();
const values = () => {
  try { return [JSON.parse(text)]; } catch { return text.split("\\n").map((line) => JSON.parse(line)); }
};
for (const value of text === "" ? [] : values())
  for (const one of path.split(",")) {
    const found = one.trim().split(/[.[\\]]+/).filter(Boolean).reduce((at, name) => at?.[name] ?? null, value);
    console.log(options.includes("-r") && typeof found === "string" ? found : JSON.stringify(found));
  }
`;

/** Makes the folder of programs, which comes first in the path. */
export function makePrograms(folder: string): void {
  mkdirSync(folder);
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  };
  const run = (...words: string[]) => `exec ${words.map((word) => `'${word}'`).join(" ")} "$@"\n`;
  write("serve-once.mjs", serveOnce);
  write("jq.mjs", jq);
  const node = process.execPath;
  const serve = `if [ "$1" = serve ]; then ${run(node, join(folder, "serve-once.mjs")).trim()}; fi\n`;
  write("edgebatch", `#!/bin/sh\n${serve}${run(...command)}`);
  write("npx", '#!/bin/sh\n[ "$1" = edgebatch ] || exit 0\nexec "$@"\n');
  write("jq", `#!/bin/sh\n${run(node, join(folder, "jq.mjs"))}`);
  for (const [name, script] of Object.entries(others)) write(name, `#!/bin/sh\n${script}\n`);
}
