import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { endpointOf } from "../../js/cli/input.ts";
import { FirstLine, usualEndpoint } from "../../js/core/first-line.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function endpoint(text: string, piece = 7): string {
  const bytes = encode(text);
  const line = new FirstLine();
  for (let at = 0; at < bytes.length; at += piece) if (!line.push(bytes.subarray(at, at + piece))) break;
  return line.endpoint();
}

function lineOf(bytes: number): string {
  const [start, end] = ['{"url":"/v1/embeddings","body":{"x":"', '"}}'];
  return start + "x".repeat(bytes - start.length - end.length) + end;
}

suite("the first line of a file", () => {
  test("names the endpoint, whatever it is called", () => {
    for (const url of ["/v1/rerank", "/v1/score", "/v1/audio/transcriptions", "/v1/messages", "/v1/x-y.z"]) {
      assert.equal(endpoint(`{"url":"${url}"}\n{"url":"/v1/other"}`), url);
    }
  });

  test("comes after blank lines and a byte order mark, and may lack its end", () => {
    for (const before of ["", "\ufeff", "\ufeff \r\n\n\t\n", "\n\n"]) {
      for (const after of ["", "\n", "\r\nnonsense"]) {
        for (const piece of [1, 3, 1_000]) {
          assert.equal(endpoint(`${before}{"url":"/v1/score","ü":"ü"}${after}`, piece), "/v1/score");
        }
      }
    }
  });

  test("says nothing when it is no request, or when its url is none of an API", () => {
    for (const text of ["", "\n", "{", "[]", "null", '{"url":7}']) {
      assert.equal(endpoint(text), usualEndpoint);
    }
    for (const url of ["/v1/", "/v1/score/", "/v1//score", "/v1/a b", "/v1", `/v1/${"x".repeat(200)}`]) {
      assert.equal(endpoint(JSON.stringify({ url })), usualEndpoint, url);
    }
    assert.equal(endpoint(lineOf((8 << 20) + 1), 1 << 20), usualEndpoint);
  });

  test("is found in time that grows with its length alone, in many small pieces, with a line end and without", () => {
    for (const after of ["\n", ""]) {
      const seconds = (bytes: number) => {
        const text = encode(lineOf(bytes) + after);
        const began = performance.now();
        const line = new FirstLine();
        for (let at = 0; at < text.length; at += 128) line.push(text.subarray(at, at + 128));
        assert.equal(line.endpoint(), "/v1/embeddings");
        return performance.now() - began;
      };
      seconds(1 << 20);
      const [small, large] = [Math.max(seconds(1 << 20), 1), seconds(8 << 20)];
      assert.ok(large < small * 40, `${small} ms for 1 MiB, ${large} ms for 8`);
    }
  });

  test("gives all pieces back, and holds no more than it looks at", async () => {
    const pieces = ["\n", '{"url":"/v1', '/score"}\n{', "}\n", "x"];
    async function* source() {
      const buffer = new Uint8Array(64);
      for (const text of pieces) {
        const bytes = encode(text);
        buffer.set(bytes);
        yield buffer.subarray(0, bytes.length);
      }
    }
    const found = await endpointOf(source());
    assert.equal(found.endpoint, "/v1/score");
    const back: string[] = [];
    for await (const chunk of found.chunks) back.push(new TextDecoder().decode(chunk));
    assert.deepEqual(back, pieces);

    let given = 0;
    async function* blank() {
      for (; given < 1_000; given++) yield new Uint8Array(1 << 20).fill(10);
    }
    assert.equal((await endpointOf(blank())).endpoint, usualEndpoint);
    assert.ok(given < 20, `${given} MiB of blank lines were read ahead`);
  });
});
