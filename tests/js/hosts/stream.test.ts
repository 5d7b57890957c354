/** Guards answers that are asked for as streams: whoever asked sees what would have come in one piece. */

import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, test } from "node:test";
import { type FetchInferenceOptions, fetchInference } from "../../../js/hosts/inference/fetch.ts";
import { never, serve, textOf } from "./model-server.ts";
import { CHAT, COMPLETIONS, events, RESPONSES, type Shape, shapes, sse } from "./streams/shapes.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const request = (url: string, body = '{"model":"m"}') => ({ url, body: bytes(body), idempotencyKey: "b:1" });
const type = { "content-type": "text/event-stream; charset=utf-8" };

/** An answer to a stream that was written so. */
async function ask(
  write: (response: ServerResponse, body: string) => void,
  url = CHAT,
  options: Partial<FetchInferenceOptions> = {},
  body?: string,
) {
  const baseUrl = await serve((_, response, given) => write(response, given.toString()));
  return fetchInference({ baseUrl, stream: true, ...options }).infer(request(url, body), never());
}

const bodyOf = ({ body }: { body: Uint8Array }) => JSON.parse(textOf(body)) as unknown;

/** As many responses of a `fetch` of our own, whose parts are cut as it is told. */
const cutFetch = (parts: Uint8Array[]): typeof fetch =>
  (async () =>
    new Response(
      new ReadableStream({
        start(controller) {
          for (const part of parts) controller.enqueue(part);
          controller.close();
        },
      }),
      { headers: type },
    )) as typeof fetch;

const askParts = (parts: Uint8Array[], url = CHAT, options: Partial<FetchInferenceOptions> = {}) =>
  fetchInference({ baseUrl: "http://h", stream: true, fetch: cutFetch(parts), ...options }).infer(
    request(url),
    never(),
  );
const askText = (text: string, url = CHAT, options: Partial<FetchInferenceOptions> = {}) =>
  askParts([bytes(text)], url, options);

/** Same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe("a stream is put together to the plain answer of", () => {
  for (const { of, url, stream, plain } of shapes) {
    test(of, async () => {
      const answer = await ask((response) => response.writeHead(200, type).end(stream), url);
      assert.equal(answer.status, 200);
      assert.deepEqual(bodyOf(answer), plain);
    });
  }
});

describe("a stream", () => {
  test("gives the same wherever its bytes are cut, and whatever ends its lines", async () => {
    const next = random(7);
    const rewritten = (stream: string): string[] => {
      const inLines = stream.replace(/^data: (\{"[^,]*,)/gm, "data: $1\ndata: ");
      const more = `: hello\n\n${stream.replaceAll("data: ", "id: 7\nretry: 10\ndata:")}`;
      const ends = ["\n", "\r\n", "\r"].map((end) => inLines.replaceAll("\n", end));
      return [stream, `\ufeff${stream}`, more, ...ends];
    };
    for (const { of, url, stream, plain } of shapes) {
      for (const text of rewritten(stream)) {
        const whole = bytes(text);
        const single = Array.from(whole, (_, at) => whole.subarray(at, at + 1));
        const cuts = Array.from({ length: 6 }, () => {
          const parts: Uint8Array[] = [];
          for (let at = 0; at < whole.length; ) {
            const to = at + 1 + next(40);
            parts.push(whole.subarray(at, to));
            at = to;
          }
          return parts;
        });
        for (const parts of [single, ...cuts])
          assert.deepEqual(bodyOf(await askParts(parts, url)), plain, of);
      }
    }
  });

  test("that is cut off is a fault of the connection, wherever that is", async () => {
    for (const { url, stream } of shapes) {
      // What follows the last reason to finish may be missing, and the last response is whole with its event.
      const needed =
        url === RESPONSES
          ? stream.lastIndexOf("\n\n", stream.indexOf('"response.'))
          : stream.lastIndexOf('finish_reason":"');
      for (let to = 0; to < needed; to += 1 + Math.floor(needed / 50)) {
        await assert.rejects(askText(stream.slice(0, to), url), /The stream ended before the answer did/);
      }
    }
    await assert.rejects(askText("data: [DONE]\n\n"), /The stream ended before the answer did/);
  });

  test("that is torn off rejects as any torn answer does", async () => {
    const [{ stream } = {} as Shape] = shapes;
    const torn = ask((response) => {
      response.writeHead(200, type).write(stream.slice(0, 600), () => response.destroy());
    });
    await assert.rejects(torn, TypeError);
  });

  test("that ends well without [DONE], or without its last empty line, is whole", async () => {
    for (const { url, stream, plain } of shapes) {
      assert.deepEqual(bodyOf(await askText(stream.trimEnd(), url)), plain);
      assert.deepEqual(bodyOf(await askText(stream.replace("data: [DONE]\n\n", ""), url)), plain);
    }
  });

  test("of fewer choices than were asked for is not whole", async () => {
    const chunk = { choices: [{ index: 0, delta: { content: "a" }, finish_reason: "stop" }] };
    const stream = sse([chunk], "");
    const answer = ask(
      (response) => response.writeHead(200, type).end(stream),
      CHAT,
      {},
      '{"model":"m","n":2}',
    );
    await assert.rejects(answer, /The stream ended before/);
  });

  test("is done with at its end, though the connection stays open", { timeout: 10_000 }, async () => {
    for (const { url, stream, plain } of shapes) {
      const options: Partial<FetchInferenceOptions>[] = [{}, { fetch: (input, init) => fetch(input, init) }];
      for (const each of options) {
        const answer = await ask((response) => response.writeHead(200, type).write(stream), url, each);
        assert.deepEqual(bodyOf(answer), plain);
      }
    }
  });

  test("keeps the connection for later calls", { timeout: 10_000 }, async () => {
    const [{ stream } = {} as Shape] = shapes;
    const ports: (number | undefined)[] = [];
    const baseUrl = await serve((incoming, response) => {
      ports.push(incoming.socket.remotePort);
      response.writeHead(200, type).write(stream);
      setImmediate(() => response.end(": over\n\n"));
    });
    for (const fetch of [
      undefined,
      ((input, init) => globalThis.fetch(input, init)) as typeof globalThis.fetch,
    ]) {
      const inference = fetchInference({ baseUrl, stream: true, ...(fetch && { fetch }) });
      ports.length = 0;
      // What is left of the answer may come after the next call has begun, on a connection of its own.
      while (new Set(ports).size === ports.length) await inference.infer(request(CHAT), never());
    }
  });

  test("has halves of a character in two chunks", async () => {
    const half = (text: string) => `data: {"choices":[{"index":0,"delta":{"content":"${text}"}}]}\n\n`;
    const answer = await askText(`${half("\\ud83e")}${half("\\udd80")}data: [DONE]\n\n`);
    assert.match(textOf(answer.body), /"content":"🦀"/);
  });

  test("may have members of any name", async () => {
    const text =
      'data: {"choices":[{"index":0,"delta":{"__proto__":{"a":1},"constructor":2}}],"__proto__":3}\n\ndata: [DONE]\n\n';
    const answer = textOf((await askText(text)).body);
    assert.match(answer, /"__proto__":\{"a":1\},"constructor":2.*,"__proto__":3\}$/);
  });
});

describe("an error in a stream", () => {
  const start = sse(
    [{ id: "c", choices: [{ index: 0, delta: { content: "Hal" }, finish_reason: null }] }],
    "",
  );
  const end = "data: [DONE]\n\n";
  const error = { message: "out of memory", type: "server_error", code: 500 };
  for (const [of, url, stream, expected] of [
    ["OpenAI", CHAT, `event: error\ndata: ${JSON.stringify({ error })}\n\n`, { error }],
    ["vLLM 0.11", CHAT, sse([{ error }], end), { error }],
    ["vLLM 0.8", CHAT, sse([{ object: "error", ...error }], end), { error: { object: "error", ...error } }],
    [
      "SGLang",
      COMPLETIONS,
      sse([{ error: { object: "error", ...error } }], end),
      { error: { object: "error", ...error } },
    ],
    ["llama.cpp, in a field of its own", CHAT, `error: ${JSON.stringify(error)}\n\n`, { error }],
    [
      "a gateway, as text",
      CHAT,
      "event: error\ndata: upstream went away\n\n",
      { error: { message: "upstream went away" } },
    ],
    [
      "a router, with a choice beside it",
      CHAT,
      sse([{ id: "c", error, choices: [{ index: 0, delta: {}, finish_reason: "error" }] }], end),
      { id: "c", error, choices: [{ index: 0, delta: {}, finish_reason: "error" }] },
    ],
    [
      "the responses API",
      RESPONSES,
      events([{ type: "error", code: "rate_limit_exceeded", message: "slow down" }]),
      { error: { type: "error", code: "rate_limit_exceeded", message: "slow down" } },
    ],
  ] as const) {
    test(`is the answer, in the words of ${of}`, async () => {
      const answer = await askText((url === RESPONSES ? "" : start) + stream, url);
      assert.equal(answer.status, 200);
      assert.deepEqual(bodyOf(answer), expected);
    });
  }

  test("that is no JSON is left to whoever reads answers", async () => {
    const answer = await askText(`${start}data: {"choices":[{"logprobs":NaN}]}\n\n${end}`);
    assert.equal(textOf(answer.body), '{"choices":[{"logprobs":NaN}]}');
  });
});

describe("a server that is asked for a stream", () => {
  test("may answer in one piece, or with an error before it", async () => {
    for (const status of [200, 400, 429, 503]) {
      const answer = await ask((response) =>
        response
          .writeHead(status, { "content-type": "application/json", "retry-after": "7", "x-request-id": "r" })
          .end('{"id" : 1.0}'),
      );
      assert.equal(textOf(answer.body), '{"id" : 1.0}');
      assert.deepEqual([answer.status, answer.retryAfterMs, answer.requestId], [status, 7_000, "r"]);
    }
  });

  test("and refuses it is asked in one piece, at once", async () => {
    for (const refusal of [
      '{"error":{"message":"verify","param":"stream","code":"unsupported_value"}}',
      '{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"]}]}',
    ]) {
      const bodies: string[] = [];
      const answer = await ask((response, body) => {
        bodies.push(body);
        const [status, text] = body.includes("stream") ? [422, refusal] : [200, '{"id":1}'];
        response.writeHead(status, { "content-type": "application/json" }).end(text);
      });
      assert.deepEqual([answer.status, textOf(answer.body)], [200, '{"id":1}']);
      assert.equal(bodies[1], '{"model":"m"}');
    }
    const other = '{"error":{"message":"no such model","param":"model"}}';
    let calls = 0;
    const answer = await ask((response) => {
      calls += 1;
      response.writeHead(400, { "content-type": "application/json" }).end(other);
    });
    assert.deepEqual([calls, answer.status, textOf(answer.body)], [1, 400, other]);
  });

  test("may call the stream by another name, or pack it", async () => {
    const { gzipSync } = await import("node:zlib");
    for (const { url, stream, plain } of shapes) {
      const named = await ask(
        (response) => response.writeHead(200, { "content-type": "text/plain" }).end(stream),
        url,
      );
      assert.deepEqual(bodyOf(named), plain);
      const packed = await ask(
        (response) => response.writeHead(200, { ...type, "content-encoding": "gzip" }).end(gzipSync(stream)),
        url,
      );
      assert.deepEqual(bodyOf(packed), plain);
    }
  });

  test("is sent the request as it is, but for how it is to answer", async () => {
    const usage = '"stream_options":{"include_usage":true}';
    const cases: [url: string, body: string, sent: string][] = [
      [CHAT, '{"model": "m",  "x":1.0}', `{${usage},"stream":true,"model": "m",  "x":1.0}`],
      [COMPLETIONS, ' \n{ "model":"m"}', ` \n{${usage},"stream":true, "model":"m"}`],
      [RESPONSES, '{"model":"m"}', '{"stream":true,"model":"m"}'],
      [CHAT, '{"stream": false ,"model":"m"}', `{${usage},"stream": true ,"model":"m"}`],
      [CHAT, '{"str\\u0065am":null,"model":"m"}', `{${usage},"str\\u0065am":true,"model":"m"}`],
      [
        CHAT,
        '{"stream":false,"model":"m","stream_options":null}',
        '{"stream":true,"model":"m","stream_options":{"include_usage":true}}',
      ],
      [
        CHAT,
        '{"stream_options": {"include_obfuscation":false} ,"stream":false}',
        '{"stream_options": {"include_usage":true,"include_obfuscation":false} ,"stream":true}',
      ],
      [
        CHAT,
        '{"stream_options":{"include_usage":false},"stream":false}',
        '{"stream_options":{"include_usage":true},"stream":true}',
      ],
      [
        CHAT,
        '{"messages":[{"stream":false,"content":"\\"stream\\\\\\":{["}],"m":{"stream":[]}}',
        `{${usage},"stream":true,"messages":[{"stream":false,"content":"\\"stream\\\\\\":{["}],"m":{"stream":[]}}`,
      ],
      // Of these no stream would say the same, and servers refuse some.
      [CHAT, '{"model":"m","prompt_logprobs":2}', '{"model":"m","prompt_logprobs":2}'],
      [COMPLETIONS, '{"model":"m","best_of":3}', '{"model":"m","best_of":3}'],
      [CHAT, '{"model":"m","audio":{"format":"mp3"}}', '{"model":"m","audio":{"format":"mp3"}}'],
      [CHAT, '{"audio":null}', `{${usage},"stream":true,"audio":null}`],
      ["/v1/embeddings", '{"model":"m"}', '{"model":"m"}'],
      [CHAT, "[1]", "[1]"],
    ];
    for (const [url, body, sent] of cases) {
      let seen = "";
      const answer = (response: ServerResponse, got: string) => {
        seen = got;
        response.writeHead(200, { "content-type": "application/json" }).end("{}");
      };
      await ask(answer, url, {}, body);
      assert.equal(seen, sent);
    }
  });
});

describe("the limits of an answer", () => {
  const chunk = (content: string) => sse([{ choices: [{ index: 0, delta: { content } }] }], "");

  test("are those of what is put together, not of the stream", async () => {
    const stream = `${chunk("x").repeat(500)}data: [DONE]\n\n`;
    const answer = await askText(stream, CHAT, { maxResponseBytes: 1_000 });
    assert.ok(stream.length > 20_000);
    assert.match(textOf(answer.body), /"content":"x{500}"/);
  });

  test("end a stream that never does, as soon as they are reached", async () => {
    let sent = 0;
    const endless = (part: (at: number) => string): typeof fetch =>
      (async () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              sent += 1;
              controller.enqueue(bytes(part(sent)));
            },
          }),
          { headers: type },
        )) as typeof fetch;
    for (const part of [
      () => chunk("some text"),
      () => chunk("é".repeat(20)),
      () =>
        sse(
          [
            {
              choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: "[[[" } }] } }],
            },
          ],
          "",
        ),
      () => sse([{ choices: [{ index: 0, delta: {}, logprobs: { content: [{ token: "a" }] } }] }], ""),
      (at: number) => sse([{ choices: [{ index: at, delta: {} }] }], ""),
      (at: number) => sse([{ choices: [], [`member-${at}`]: 1 }], ""),
      () => "data: a line that does not end",
      () => "data: an event that does not end\n",
      () => ": a comment that does not end",
    ]) {
      sent = 0;
      const options = { baseUrl: "http://h", stream: true, fetch: endless(part), maxResponseBytes: 50_000 };
      await assert.rejects(fetchInference(options).infer(request(CHAT), never()), {
        name: "ResponseTooLargeError",
      });
      assert.ok(sent < 20_000, `${sent} parts of ${part(1)}`);
    }
    const response = events([{ type: "response.completed", response: { text: "x".repeat(2_000) } }]);
    await assert.rejects(askText(response, RESPONSES, { maxResponseBytes: 1_000 }), {
      name: "ResponseTooLargeError",
    });
  });

  test("are of time, too", async () => {
    const slow = ask((response) => response.writeHead(200, type).write(chunk("x")), CHAT, { timeoutMs: 50 });
    await assert.rejects(slow, { name: "TimeoutError" });
  });
});
