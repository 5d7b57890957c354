/** Guards the form parser: what real clients send, cut into chunks at every place, and nothing kept in memory. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { InvalidRequestError } from "../../../js/core/errors.ts";
import { multipart } from "../../../js/server/multipart.ts";

interface Read {
  name: string;
  filename?: string;
  content: string;
}

function body(bytes: Uint8Array, sizes: Iterable<number>): ReadableStream<Uint8Array> {
  const [size, at] = [sizes[Symbol.iterator](), { offset: 0 }];
  return new ReadableStream({
    pull(controller) {
      if (at.offset >= bytes.length) return controller.close();
      const end = at.offset + (size.next().value ?? bytes.length);
      controller.enqueue(bytes.slice(at.offset, end));
      at.offset = end;
    },
  });
}

function* endless(size: number): Generator<number> {
  for (;;) yield size;
}

async function read(
  text: string | Uint8Array,
  boundary: string,
  sizes: Iterable<number> = [],
): Promise<Read[]> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const found: Read[] = [];
  for await (const part of multipart(body(bytes, sizes), `multipart/form-data; boundary=${boundary}`)) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of part.bytes) chunks.push(chunk.slice());
    const { name, filename } = part;
    const content = Buffer.concat(chunks).toString("latin1");
    found.push({ name, ...(filename !== undefined && { filename }), content });
  }
  return found;
}

const crlf = (...lines: string[]) => lines.join("\r\n");

const clients: Record<string, { boundary: string; text: string; expected: Read[] }> = {
  "openai-python": {
    boundary: "0c4a3c5d",
    text: crlf(
      '--0c4a3c5d\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch',
      '--0c4a3c5d\r\nContent-Disposition: form-data; name="expires_after[seconds]"\r\n\r\n3600',
      '--0c4a3c5d\r\nContent-Disposition: form-data; name="file"; filename="upload"',
      "Content-Type: application/octet-stream\r\n\r\n{}\n\r\n--0c4a3c5d--\r\n",
    ),
    expected: [
      { name: "purpose", content: "batch" },
      { name: "expires_after[seconds]", content: "3600" },
      { name: "file", filename: "upload", content: "{}\n" },
    ],
  },
  "openai-dotnet": {
    boundary: '"a=b_c"',
    text: crlf(
      "--a=b_c\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=purpose\r\n\r\nbatch",
      "--a=b_c\r\nContent-Disposition: form-data; name=file; filename=test-batch-file; filename*=utf-8''%E4%BD%A0",
      "\r\nx\r\n--a=b_c--\r\n",
    ),
    expected: [
      { name: "purpose", content: "batch" },
      { name: "file", filename: "你", content: "x" },
    ],
  },
  "ruby-openai": {
    boundary: "-----------RubyMultipartPost-1",
    text: crlf(
      '-------------RubyMultipartPost-1\r\nContent-Disposition: form-data; name="file"; filename="a b.jsonl"',
      "Content-Length: 2\r\nContent-Type: \r\nContent-Transfer-Encoding: binary\r\n\r\n{}",
      '-------------RubyMultipartPost-1\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch',
      "-------------RubyMultipartPost-1--\r\n\r\n",
    ),
    expected: [
      { name: "file", filename: "a b.jsonl", content: "{}" },
      { name: "purpose", content: "batch" },
    ],
  },
  "curl and browsers": {
    boundary: "----b",
    text: crlf(
      'preamble that nobody reads\r\n------b  \r\ncontent-disposition: form-data; name="file"; filename="a\\"b;c.jsonl"',
      '\r\n\r\n------b\r\nContent-Disposition: form-data; filename="%22x%22.jsonl"; name="file"\r\n\r\n--\r\n----',
      "------b--epilogue",
    ),
    expected: [
      { name: "file", filename: 'a"b;c.jsonl', content: "" },
      { name: "file", filename: '"x".jsonl', content: "--\r\n----" },
    ],
  },
};

for (const [client, { boundary, text, expected }] of Object.entries(clients)) {
  test(`what ${client} sends is read, in chunks of any size`, async () => {
    for (const size of [1, 2, 3, 5, 7, 64, 1000])
      assert.deepEqual(await read(text, boundary, endless(size)), expected);
  });
}

test("a name in raw UTF-8 is read as it is", async () => {
  const text = '--b\r\nContent-Disposition: form-data; name="file"; filename="你好 é.txt"\r\n\r\n\r\n--b--';
  assert.deepEqual(await read(text, "b"), [{ name: "file", filename: "你好 é.txt", content: "" }]);
});

test("any bytes come through any chunks unchanged, even those that look like boundaries", async () => {
  const piece = fc.oneof(
    fc.constantFrom("\r\n", "\r", "\n", "--", "--b", "\r\n--", "\r\n-", "\r\n--a", "\r\r\n--"),
    fc.string({ maxLength: 20, unit: "binary-ascii" }),
  );
  const content = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
  const part = content.filter((text) => !`\r\n${text}\r\n`.includes("\r\n--bound"));
  const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 4 }), sizes, async (parts, sizes) => {
      const text = parts.map(
        (each, i) => `--bound\r\nContent-Disposition: form-data; name="${i}"\r\n\r\n${each}\r\n`,
      );
      const found = await read(`${text.join("")}--bound--\r\n`, "bound", sizes);
      assert.deepEqual(
        found,
        parts.map((content, i) => ({ name: `${i}`, content })),
      );
    }),
    { numRuns: 500 },
  );
});

test("parts that nobody reads are skipped", async () => {
  const text = crlf(
    '--b\r\nContent-Disposition: form-data; name="one"\r\n\r\nskipped',
    '--b\r\nContent-Disposition: form-data; name="two"\r\n\r\nread\r\n--b--',
  );
  const names: string[] = [];
  const stream = body(new TextEncoder().encode(text), endless(3));
  for await (const part of multipart(stream, "multipart/form-data; boundary=b")) names.push(part.name);
  assert.deepEqual(names, ["one", "two"]);
});

test("what is cut off or no form is refused", async () => {
  const whole = '--b\r\nContent-Disposition: form-data; name="one"\r\n\r\ncontent\r\n--b--';
  for (let length = 0; length < whole.length; length++) {
    await assert.rejects(
      read(whole.slice(0, length), "b", endless(4)),
      InvalidRequestError,
      `${length} bytes`,
    );
  }
  const refused = [
    "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
    "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--",
    "--b\r\nnonsense\r\n\r\nx\r\n--b--",
    `--b\r\nX-Long: ${"x".repeat(20_000)}\r\n\r\nx\r\n--b--`,
  ];
  for (const text of refused) await assert.rejects(read(text, "b"), InvalidRequestError, text.slice(0, 60));
  for (const type of [null, "application/json", "multipart/form-data", "multipart/mixed; boundary=b"]) {
    await assert.rejects(async () => {
      for await (const _ of multipart(body(new Uint8Array(0), []), type));
    }, InvalidRequestError);
  }
});

test("headers have limits of their own, and a refusal names them", async () => {
  const refusal = async (type: string) => {
    const parts = multipart(body(new Uint8Array(0), []), type);
    return parts.next().then(
      () => "",
      (error: Error) => error.message,
    );
  };
  const form = "multipart/form-data; boundary=";
  assert.match(
    await refusal(`${form}b; x="${'\\"'.repeat(50_000)}`),
    /Content-Type: header too long.* 2048 characters/,
  );
  for (const boundary of ["b".repeat(201), '"a\rb"', "é"]) {
    assert.match(await refusal(form + boundary), /a boundary of at most 200 printable ASCII characters/);
  }
  const head = `Content-Disposition: form-data; name="${"n".repeat(17_000)}"`;
  await assert.rejects(read(`--b\r\n${head}\r\n\r\nx\r\n--b--`, "b"), /headers of a part.* 16384 bytes/);
});

test("quotes that are never closed quote nothing", async () => {
  const names: Record<string, string> = { 'a"b': 'a"b', '"a;b': '"a', '"a\\";b"': 'a";b' };
  for (const [written, name] of Object.entries(names)) {
    const [found] = await read(
      `--b\r\nContent-Disposition: form-data; name=${written}; x\r\n\r\n\r\n--b--`,
      "b",
    );
    assert.equal(found?.name, name);
  }
});

test("a large part is handed on chunk by chunk: none is larger than those that came, but for a boundary's length", async () => {
  const chunk = new TextEncoder().encode(`${"x".repeat(65_534)}\r\n`);
  const head = new TextEncoder().encode('--bound\r\nContent-Disposition: form-data; name="file"\r\n\r\n');
  const tail = new TextEncoder().encode("\r\n--bound--");
  let sent = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        sent += 1;
        if (sent === 1) controller.enqueue(head);
        else if (sent <= 1001) controller.enqueue(chunk);
        else {
          controller.enqueue(tail);
          controller.close();
        }
      },
    },
    { highWaterMark: 0 },
  );
  let [size, largest, ahead] = [0, 0, 0];
  for await (const part of multipart(stream, "multipart/form-data; boundary=bound")) {
    for await (const bytes of part.bytes) {
      size += bytes.length;
      largest = Math.max(largest, bytes.length);
      ahead = Math.max(ahead, sent * chunk.length - size);
    }
  }
  assert.equal(size, 1000 * chunk.length);
  assert.ok(largest <= chunk.length + 20, `${largest} bytes`);
  assert.ok(ahead <= 3 * chunk.length, `${ahead} bytes read ahead`);
});
