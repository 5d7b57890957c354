import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import test, { after, suite } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { connectionOf } from "../../../js/cli/client/connection.ts";
import { edgebatch, folder, line } from "./command.ts";
import { OpenAIServer } from "./openai-server.ts";

const at = folder();
const text = Array.from({ length: 3 }, (_, i) => line(`r${i}`)).join("");

/** A folder with a batch file, and a server to send it to. */
async function job(content: string | Uint8Array = text, name = "in.jsonl") {
  const cwd = mkdtempSync(join(at, "s-"));
  writeFileSync(join(cwd, name), content);
  const server = new OpenAIServer();
  const env = { OPENAI_BASE_URL: await server.listen(), OPENAI_API_KEY: server.key };
  return { server, submit: (...args: string[]) => edgebatch(["submit", name, ...args], { cwd, env }) };
}

function inputOf(server: OpenAIServer) {
  const [batch] = server.batches;
  return server.files.get(batch?.input_file_id as string);
}

suite("edgebatch submit", () => {
  test("prints the id of the batch and nothing else, and on standard error what comes next", async () => {
    const { server, submit } = await job();
    const { status, stdout, stderr } = await submit("--metadata", "project=x", "--metadata", "n=a=b");
    assert.equal(status, 0, stderr);
    const [batch] = server.batches;
    assert.equal(stdout, `${batch?.id}\n`);
    assert.deepEqual(batch?.metadata, { project: "x", n: "a=b" });
    assert.equal(batch?.endpoint, "/v1/chat/completions");
    assert.equal(inputOf(server)?.bytes.toString(), text);
    assert.match(stderr, /in\.jsonl: 3 requests for \/v1\/chat\/completions, no errors/);
    assert.match(stderr, new RegExp(`^  edgebatch watch ${batch?.id}$`, "m"));
  });

  test("says where a server cannot ask once what is the same, or takes no notice of it", async () => {
    const { server, submit } = await job();
    const refused = await submit("--dedupe");
    assert.deepEqual([refused.status, refused.stdout], [2, ""]);
    assert.match(
      refused.stderr,
      /knows no --budget, --priority, --dedupe, --split or --order: edgebatch serve and its Worker do/,
    );
    server.ignoresUnknown = true;
    const { status, stdout, stderr } = await submit("--dedupe");
    assert.deepEqual([status, stdout], [0, `${server.batches[0]?.id}\n`]);
    assert.match(stderr, /takes no notice of --dedupe: it asks for every line/);
    assert.doesNotMatch((await submit()).stderr, /dedupe/);
  });

  test("unpacks what it sends, and calls it .jsonl", async () => {
    for (const [name, content, filename] of [
      ["in.jsonl.gz", gzipSync(text), "in.jsonl"],
      ["in.json.zst", zstdCompressSync(text), "in.jsonl"],
      ["requests", Buffer.from(text), "requests.jsonl"],
    ] as const) {
      const { server, submit } = await job(content, name);
      const { status, stderr } = await submit();
      assert.equal(status, 0, stderr);
      assert.equal(inputOf(server)?.filename, filename);
      assert.equal(inputOf(server)?.bytes.toString(), text);
    }
  });

  test("sends nothing of a file with errors, and everything with --no-check", async () => {
    const { server, submit } = await job(`${text}nonsense\n`);
    const { status, stdout, stderr } = await submit();
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /^in\.jsonl:4:1: invalid_json_line: /m);
    assert.match(stderr, /nothing was sent/);
    assert.deepEqual(server.calls, []);
    assert.equal((await submit("--no-check")).status, 0);
    assert.equal(inputOf(server)?.bytes.toString(), `${text}nonsense\n`);
  });

  test("makes one batch where the answer that it was made is lost", async () => {
    const { server, submit } = await job();
    server.mishap = (call) => (call === "POST /batches" && server.count(call) === 1 ? "lose" : undefined);
    const { status, stdout, stderr } = await submit();
    assert.equal(status, 0, stderr);
    assert.equal(server.batches.length, 1);
    assert.equal(stdout, `${server.batches[0]?.id}\n`);
    assert.equal(server.count("POST /batches"), 1);
  });

  test("makes it at the next try where the call did not arrive", async () => {
    const { server, submit } = await job();
    server.mishap = (call) => (call === "POST /batches" && server.count(call) === 1 ? "break" : undefined);
    const { status, stderr } = await submit();
    assert.equal(status, 0, stderr);
    assert.equal(server.batches.length, 1);
    assert.equal(server.count("POST /batches"), 2);
  });

  test("says that it does not know whether there is a batch where no answer comes at all", async () => {
    const { server, submit } = await job();
    server.mishap = (call) =>
      call === "POST /batches" || server.count("POST /batches") > 0 ? "lose" : undefined;
    const { status, stdout, stderr } = await submit("--patience", "1");
    assert.deepEqual([status, stdout], [2, ""]);
    assert.match(stderr, /the connection to .* broke\. Whether the batch was made is not known/);
  });

  test("leaves no file behind where the batch is refused", async () => {
    const { server, submit } = await job();
    const { status, stdout, stderr } = await submit("--window", "1h");
    assert.deepEqual([status, stdout], [2, ""]);
    assert.match(stderr, /Invalid value for 'completion_window'/);
    assert.deepEqual([server.batches.length, server.files.size], [0, 0]);
  });

  test("waits for a server that has too much to do, and sends the file again", async () => {
    const { server, submit } = await job();
    server.mishap = (call) => {
      if (call !== "POST /files") return undefined;
      return [{ status: 429, headers: { "retry-after-ms": "20" } }, { status: 503 }, "break" as const][
        server.count(call) - 1
      ];
    };
    const { status, stderr } = await submit();
    assert.equal(status, 0, stderr);
    assert.equal(server.count("POST /files"), 4);
    assert.equal(inputOf(server)?.bytes.toString(), text);
  });

  test("sends parts where the whole is too large, and smaller ones where those are", async () => {
    const large = Array.from({ length: 20_000 }, (_, i) => line(`r${i}`, "x".repeat(500))).join("");
    const { server, submit } = await job(large);
    server.mishap = (call) => {
      // As nginx does it: at the sight of the length.
      if (call === "POST /files") return { status: 413, early: true, headers: { connection: "close" } };
      return call.endsWith("/parts") && server.count(call) <= 2 ? { status: 413 } : undefined;
    };
    const { status, stderr } = await submit();
    assert.equal(status, 0, stderr);
    assert.equal(inputOf(server)?.bytes.toString(), large);
    assert.equal(inputOf(server)?.filename, "in.jsonl");
    assert.ok(Math.max(...server.parts) < large.length / 2 + 1);
  });

  test("says what is wrong where it is too large and there are no uploads", async () => {
    const { server, submit } = await job();
    server.hasUploads = false;
    server.mishap = (call) =>
      call === "POST /files" ? { status: 413, body: "<h1>Too Large</h1>" } : undefined;
    const { status, stderr } = await submit();
    assert.equal(status, 2);
    assert.match(stderr, /^edgebatch: the server answers 413 \(Too Large\) to POST http:\S+\/files$/m);
  });

  test("knows a wrong key before it sends the file, and never shows it", async () => {
    const { server, submit } = await job();
    const { status, stderr } = await submit("--key", "sk-wrong-987654321");
    assert.equal(status, 2);
    assert.match(stderr, /the server answers 401 \(Incorrect API key provided: …\).*: check the key/);
    assert.doesNotMatch(stderr, /sk-wrong/);
    assert.equal(server.count("POST /files"), 0);
  });

  test("says what to do with a model server, which has no batches", async () => {
    const { server, submit } = await job();
    server.mishap = (call) =>
      call === "GET /batches" ? { status: 404, body: '{"detail":"Not Found"}' } : undefined;
    const { status, stderr } = await submit();
    assert.equal(status, 2);
    assert.match(stderr, /has no batches \(404\): edgebatch run .* edgebatch serve --url http:/);
    assert.equal(server.count("POST /files"), 0);
  });

  test("sends a file nowhere but to the server that was named", async () => {
    const elsewhere = new OpenAIServer();
    const url = await elsewhere.listen();
    const { server, submit } = await job();
    server.mishap = (call) =>
      call === "POST /files" ? { status: 307, headers: { location: `${url}/files` } } : undefined;
    const { status, stderr } = await submit();
    assert.equal(status, 2);
    assert.match(stderr, /answers with a redirect to /);
    assert.deepEqual(elsewhere.calls, []);
  });

  test("with --wait ends as the batch does", async () => {
    for (const [end, expected] of [
      ["completed", 0],
      ["expired", 1],
    ] as const) {
      const { server, submit } = await job();
      const ended = submit("--wait");
      const batch = await server.made();
      await server.saw(`GET /batches/${batch.id}`);
      Object.assign(batch, { status: end, request_counts: { total: 3, completed: 2, failed: 1 } });
      const { status, stdout, stderr } = await ended;
      assert.equal(status, expected, stderr);
      assert.equal(stdout, `${batch?.id}\n`);
      assert.match(stderr, new RegExp(`^${end}: 3 requests: 2 completed, 1 failed`, "m"));
    }
  });

  test("refuses what cannot be read twice, and values that cannot be", async () => {
    const { submit, server } = await job();
    assert.match((await submit("--metadata", "nothing")).stderr, /It must be key=value\./);
    const { status, stderr } = await edgebatch(["submit", "-", "--url", server.url], { input: text });
    assert.equal(status, 2);
    assert.match(stderr, /not standard input/);
  });
});

suite("the server that is spoken to", () => {
  const names = ["EDGEBATCH_URL", "OPENAI_BASE_URL", "EDGEBATCH_KEY", "OPENAI_API_KEY"];
  const before = names.map((name) => process.env[name]);
  const set = (env: Record<string, string>) => {
    for (const name of names) delete process.env[name];
    Object.assign(process.env, env);
  };
  after(() => {
    names.forEach((name, at) => {
      const value = before[at];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    });
  });

  test("is the one on this machine unless one is named, and OpenAI's key is not for that", () => {
    set({ OPENAI_API_KEY: "sk-openai" });
    const usual = connectionOf({ patience: 1 });
    assert.equal(usual.shown, "http://127.0.0.1:8080/v1");
    assert.equal(usual.headers.get("authorization"), null);
    set({ OPENAI_API_KEY: "sk-openai", EDGEBATCH_KEY: "ours" });
    assert.equal(connectionOf({ patience: 1 }).headers.get("authorization"), "Bearer ours");
    set({ OPENAI_API_KEY: "sk-openai", OPENAI_BASE_URL: "https://api.openai.com/v1" });
    assert.equal(connectionOf({ patience: 1 }).headers.get("authorization"), "Bearer sk-openai");
    set({ EDGEBATCH_URL: "http://a/v1", OPENAI_BASE_URL: "http://b/v1" });
    assert.equal(connectionOf({ patience: 1 }).shown, "http://a/v1");
    assert.equal(connectionOf({ patience: 1, url: "http://c" }).shown, "http://c/v1");
  });

  test("is named again in hints, without its key", () => {
    set({});
    const { again } = connectionOf({ patience: 1, url: "http://c/v1", key: "secret" });
    assert.equal(again, " --url http://c/v1 --key …");
  });

  test("is said to be missing where nothing listens", async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const { status, stderr } = await edgebatch([
      "list",
      "--patience",
      "1",
      "--url",
      `http://localhost:${port}`,
    ]);
    assert.equal(status, 2);
    assert.equal(stderr, `edgebatch: nothing listens at localhost:${port}\n`);
  });
});
