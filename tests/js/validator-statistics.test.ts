import assert from "node:assert/strict";
import test from "node:test";
import { sizeFrom, Validator } from "../../js/entry/node.ts";

const endpoint = "/v1/chat/completions";
const line = (id: string, model = "m") =>
  JSON.stringify({ custom_id: id, method: "POST", url: endpoint, body: { model, messages: [] } });

test("good lines are found at their bytes however the file is cut", () => {
  const lines = ["\ufeff", line("a"), "\r\n", "broken\n", line("ü"), "\n", line("a"), "\n\n", line("c")];
  const bytes = new TextEncoder().encode(lines.join(""));
  for (const size of [1, 7, 100, 10_000]) {
    const validator = new Validator({ endpoint, goodLines: true });
    const found: number[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      validator.push(bytes.subarray(at, at + size));
      found.push(...validator.takeGoodLines());
    }
    assert.equal(validator.finish().validCount, 3);
    found.push(...validator.takeGoodLines());
    assert.equal(found.length, 6);
    const text = (i: number) => new TextDecoder().decode(bytes.subarray(found[i], found[i + 1]));
    assert.deepEqual([text(0), text(2), text(4)], [`${line("a")}\r\n`, `${line("ü")}\n`, line("c")]);
  }
});

test("errors that were taken are not repeated and those of the file come last", () => {
  const validator = new Validator({ endpoint, limits: { maxRequests: 2, maxErrors: 3 } });
  validator.push(new TextEncoder().encode("x\nx\n"));
  assert.deepEqual(
    validator.takeErrors().map((error) => error.line),
    [1, 2],
  );
  validator.push(new TextEncoder().encode("x\nx\n"));
  assert.equal(validator.finish().errorCount, 5);
  assert.deepEqual(
    validator.takeErrors().map(({ code, line }) => [code, line]),
    [
      ["invalid_json_line", 3],
      ["too_many_tasks", null],
    ],
  );
  assert.deepEqual(validator.takeErrors(), []);
});

test("statistics are there while a file is read and after", () => {
  const validator = new Validator({ endpoint, statistics: true });
  validator.push(new TextEncoder().encode(`${line("a", "one")}\n${line("b", "two")}\n${line("b", "one")}\n`));
  const expected = {
    codes: [{ name: "duplicate_custom_id", count: 1 }],
    models: [
      { name: "one", count: 2 },
      { name: "two", count: 1 },
    ],
    otherModels: 0,
  };
  const { sizes, longest, ...rest } = validator.statistics() ?? assert.fail();
  assert.deepEqual(rest, expected);
  const bytes = line("a", "one").length + 1;
  assert.deepEqual(longest[2], { line: 3, bytes });
  const used = sizes.findIndex((count) => count > 0);
  assert.equal(sizes[used], 3);
  assert.ok(sizeFrom(used) <= bytes && bytes < sizeFrom(used + 1));
  validator.finish();
  assert.equal(validator.statistics()?.models[0]?.count, 2);
  assert.equal(new Validator({ endpoint }).statistics(), null);
});

test("a stream can be checked where streams cannot be walked through", async () => {
  const bytes = new TextEncoder().encode(`${line("a")}\nbroken\n`);
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes.subarray(0, 10));
      controller.enqueue(bytes.subarray(10));
      controller.close();
    },
  });
  Object.defineProperty(stream, Symbol.asyncIterator, { value: undefined });
  const { requestCount, errorCount } = await Validator.validate(stream, { endpoint });
  assert.deepEqual([requestCount, errorCount], [2, 1]);
});
