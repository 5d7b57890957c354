import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import test, { after, suite } from "node:test";
import { unreachable } from "../../../js/cli/client/faults.ts";
import { edgebatch } from "./command.ts";
import { OpenAIServer } from "./openai-server.ts";

async function other(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function job() {
  const server = new OpenAIServer();
  const url = await server.listen();
  const doctor = (args: string[] = [], env: Record<string, string> = {}) =>
    edgebatch(["doctor", "--url", url, ...args], { env: { OPENAI_API_KEY: server.key, ...env } });
  return { server, url, doctor };
}

suite("edgebatch doctor", () => {
  test("finds nothing to be done about a server that is as it should be", async () => {
    const { url, server, doctor } = await job();
    const { status, stdout } = await doctor();
    assert.equal(status, 0, stdout);
    assert.deepEqual(stdout.replaceAll(/\d+ ms|[\d.]+ s$/gm, "T").split("\n"), [
      url,
      `✓ ${new URL(url).host} answers, in T`,
      "✓ it speaks OpenAI's API, and has 2 models: text-embedding-9, gpt-test",
      "✓ it accepts the key",
      "✓ both clocks agree",
      "✓ gpt-test answers a request, in T",
      "✓ it has batches: edgebatch submit FILE",
      "",
    ]);
    await doctor(["--no-request"]);
    assert.equal(server.count("POST /chat/completions"), 1);
  });

  test("says that a key is missing, or wrong, and does not show it", async () => {
    const { doctor } = await job();
    const missing = await doctor([], { OPENAI_API_KEY: "" });
    assert.equal(missing.status, 1);
    assert.match(missing.stdout, /^✗ it wants a key: --key, EDGEBATCH_KEY or OPENAI_API_KEY$/m);
    const wrong = await doctor(["--key", "sk-wrong-987654321"]);
    assert.equal(wrong.status, 1);
    assert.match(wrong.stdout, /^✗ it does not accept the key \(401\): .*Incorrect API key provided: …/m);
    assert.doesNotMatch(wrong.stdout + wrong.stderr, /sk-wrong/);
  });

  test("says what a model server is for", async () => {
    const { url, server, doctor } = await job();
    server.mishap = (call) =>
      call.includes("/batches") ? { status: 404, body: '{"detail":"Not Found"}' } : undefined;
    const { status, stdout } = await doctor();
    assert.equal(status, 0);
    assert.match(stdout, /^– it has no batches, so it is a model server: put edgebatch serve --url /m);
    assert.ok(stdout.includes(`edgebatch serve --url ${url} before it`));
  });

  test("says that a model does not answer", async () => {
    const { server, doctor } = await job();
    server.mishap = (call) => (call === "POST /chat/completions" ? { status: 500 } : undefined);
    const { status, stdout } = await doctor(["--model", "gpt-test"]);
    assert.equal(status, 1);
    assert.match(stdout, /^✗ gpt-test does not answer a request: the server answers 500 \(it went wrong\)/m);
  });

  test("says by how much a clock is wrong", async () => {
    const { server, doctor } = await job();
    server.skewMs = 600_000;
    const { status, stdout } = await doctor();
    assert.equal(status, 1);
    assert.match(stdout, /^✗ this machine's clock is (9 min 5\d s|10 min \d s) behind the server's: /m);
  });

  test("says what else there is at an address", async () => {
    const page = await other((_, response) => response.end("<html>Welcome</html>"));
    const none = await other((_, response) => {
      response.statusCode = 404;
      response.end("<html>Not Found</html>");
    });
    const silent = await other((request) => request.socket.end("SSH-2.0-OpenSSH_9.6\r\n"));
    const free = await other(() => {});
    const closing = await other((request) => request.socket.destroy());
    const doctor = async (url: string, env = {}) => {
      const { status, stdout, stderr } = await edgebatch(["doctor", "--url", url], { env });
      assert.deepEqual([status, stderr], [1, ""], stdout);
      return stdout;
    };
    assert.match(await doctor(page), /^✗ what answers at .*\/v1\/models is no list of models: check --url/m);
    assert.match(
      await doctor(`${none}/api`),
      /^✗ it has no \/models at this address \(404\): is it .*\/api\/v1\?$/m,
    );
    assert.match(await doctor(silent), /^✗ what answers at 127\.0\.0\.1:\d+ is not HTTP$/m);
    assert.match(
      await doctor(free.replace("http:", "https:")),
      /^✗ 127\.0\.0\.1:\d+ does not speak TLS: is it http:\/\/ and not https:\/\/\?$/m,
    );
    assert.match(
      await doctor("http://nowhere.invalid/v1"),
      /^✗ there is no host nowhere\.invalid, or no network/m,
    );
    assert.match(
      await doctor(closing),
      /^✗ the connection to .* broke: is it https:\/\/ and not http:\/\/\?$/m,
    );
    assert.match(await doctor("http://127.0.0.1:9/v1"), /^✗ /m);
  });

  test("says that a proxy is set and not used, without its password", async () => {
    const { doctor } = await job();
    const { status, stdout } = await doctor([], { HTTP_PROXY: "http://me:secret@127.0.0.1:9" });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^– HTTP_PROXY is set and not used: with NODE_USE_ENV_PROXY=1 it is/m);
    assert.doesNotMatch(stdout, /secret/);
  });

  test("says in words what is wrong with a certificate, for which no waiting helps", () => {
    const base = new URL("https://models.example/v1");
    for (const [code, words] of [
      ["CERT_HAS_EXPIRED", "its certificate has expired"],
      ["DEPTH_ZERO_SELF_SIGNED_CERT", "NODE_EXTRA_CA_CERTS=FILE"],
      ["ERR_TLS_CERT_ALTNAME_INVALID", "its certificate is for another name"],
    ] as const) {
      const cause = Object.assign(new Error("bad"), { code });
      const { message, passing } = unreachable(new TypeError("fetch failed", { cause }), base);
      assert.ok(message.startsWith("https://models.example cannot be trusted: "), message);
      assert.ok(message.includes(words), message);
      assert.equal(passing, false);
    }
  });
});
