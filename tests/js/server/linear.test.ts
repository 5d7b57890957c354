/** Guards everybody's time: what parses a header, a form, a name or a line takes time in proportion to its length. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { FirstLine } from "../../../js/core/first-line.ts";
import { retryAfterMs } from "../../../js/hosts/inference/retry-after.ts";
import { authenticate, tenantNames } from "../../../js/server/auth.ts";
import { quotedName, rangeOf } from "../../../js/server/download.ts";
import { extendedParameter, nameParameter, splitParameters } from "../../../js/server/header-parameters.ts";
import { multipart } from "../../../js/server/multipart.ts";
import { checkBatchInput } from "../../../js/server/purposes.ts";

type Work = (size: number) => () => unknown;

const SMALL = 2_000;
const TIMES = 16;
/** In proportion it is 16 times the work, by the square 256 times. A machine with other work varies by less than 5. */
const MOST = 80;

/** How long one run takes, in milliseconds: the best of several, each of many, as short ones cannot be timed. */
async function time(run: () => unknown, count: number): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    for (let i = 0; i < count; i++) await run();
    best = Math.min(best, (performance.now() - start) / count);
  }
  return best;
}

async function assertLinear(name: string, make: Work): Promise<void> {
  const [small, large] = [make(SMALL), make(SMALL * TIMES)];
  await small();
  const once = await time(small, 1);
  const count = Math.min(200, Math.ceil(2 / Math.max(once, 0.001)));
  const [few, many] = [await time(small, count), await time(large, Math.ceil(count / TIMES))];
  const ratio = many / few;
  assert.ok(ratio < MOST, `${name}: ${TIMES} times the input took ${ratio.toFixed(0)} times as long`);
}

const quiet = async (run: () => unknown) => {
  try {
    await run();
  } catch {
    // A refusal is an answer.
  }
};

/** Texts that make a regular expression go back, as long as asked for. */
const texts: Record<string, (size: number) => string> = {
  "escaped quotes": (size) => `x="${'\\"'.repeat(size / 2)}`,
  quotes: (size) => `x=${'"'.repeat(size)}`,
  "quotes and semicolons": (size) => 'a="b";'.repeat(size / 6),
  "open quotes": (size) => '";'.repeat(size / 2),
  backslashes: (size) => `"${"\\".repeat(size)}`,
  semicolons: (size) => ";".repeat(size),
  "equal signs": (size) => `name=${"=".repeat(size)}`,
  spaces: (size) => `Bearer ${" ".repeat(size)}x y`,
  apostrophes: (size) => `filename*=utf-8${"'".repeat(size)}`,
  "percent signs": (size) => `filename*=utf-8''${"%4".repeat(size / 2)}`,
  dots: (size) => `${".a".repeat(size / 2)}/`,
  digits: (size) => `bytes=${"1".repeat(size)}`,
  "digits and spaces": (size) => `1.${"0".repeat(size / 2)}${" ".repeat(size / 2)}x`,
  letters: (size) => "A".repeat(size),
  "small letters": (size) => `A${"a".repeat(size)}, 01`,
  commas: (size) => ", ".repeat(size / 2),
  colons: (size) => `Basic ${btoa(":".repeat(size))}`,
  "characters beyond ASCII": (size) => "é".repeat(size),
};

const key = `alice:${"0".repeat(64)}`;
const env = (API_KEYS: string) => ({ API_KEYS }) as never;

const parsers: Record<string, (text: string) => unknown> = {
  "the parameters of a header": splitParameters,
  "a name among parameters": (text) => nameParameter(splitParameters(text), "name"),
  "a name as RFC 8187 has it": (text) => extendedParameter(splitParameters(text), "filename*"),
  "a range": (text) => rangeOf(text, 1000),
  "a name to be quoted": quotedName,
  "a file's extension": (text) => checkBatchInput({ filename: text, firstLine: undefined }),
  "Retry-After": (text) => retryAfterMs({ get: () => text } as unknown as Headers),
  Authorization: (text) => authenticate({ get: () => text } as unknown as Headers, env(key)),
  API_KEYS: (text) => tenantNames(env(text)),
};

for (const [parser, parse] of Object.entries(parsers)) {
  test(`${parser} takes time in proportion to its length`, async () => {
    for (const [kind, text] of Object.entries(texts)) {
      await assertLinear(`${parser}, ${kind}`, (size) => {
        const made = text(size);
        return () => quiet(() => parse(made));
      });
    }
  });
}

/** All of a body, in chunks as the network may cut them. */
function stream(bytes: Uint8Array, chunk: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + chunk));
      at += chunk;
    },
  });
}

const boundary = `${"-".repeat(60)}x`;
const part = (size: number, text: string) => text.repeat(Math.ceil(size / text.length)).slice(0, size);
const bodies: Record<string, (size: number) => string> = {
  "line breaks": (size) => part(size, "\r\n"),
  "carriage returns": (size) => part(size, "\r"),
  "beginnings of boundaries": (size) => part(size, `\r\n--${"-".repeat(59)}`),
  "boundaries that are none": (size) => part(size, `\r\n--${"-".repeat(60)}y`),
  dashes: (size) => part(size, "-"),
  "small parts": (size) =>
    part(size, `\r\n--${boundary}\r\ncontent-disposition: form-data; name="a"\r\n\r\n`),
};

for (const chunk of [1, 7, 65_536]) {
  test(`a form takes time in proportion to its length, in chunks of ${chunk}`, async () => {
    for (const [kind, body] of Object.entries(bodies)) {
      await assertLinear(`a form of ${kind}`, (size) => {
        const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"\r\n\r\n`;
        const bytes = new TextEncoder().encode(`${head}${body(size)}\r\n--${boundary}--`);
        return () =>
          quiet(async () => {
            const form = multipart(stream(bytes, chunk), `multipart/form-data; boundary=${boundary}`);
            for await (const each of form) for await (const _ of each.bytes);
          });
      });
    }
  });
}

test("a first line takes time in proportion to its length, in chunks of any size", async () => {
  for (const [kind, byte] of Object.entries({ blanks: 32, letters: 97, "line breaks": 10 })) {
    for (const chunk of [1, 1000]) {
      await assertLinear(`a first line of ${kind}`, (size) => {
        const pieces = Array.from({ length: Math.ceil(size / chunk) }, () =>
          new Uint8Array(chunk).fill(byte),
        );
        return () => {
          const line = new FirstLine();
          line.push(Uint8Array.of(0x7b));
          for (const piece of pieces) line.push(piece);
          line.line();
        };
      });
    }
  }
});
