// The rival of `benches/serve.mjs`: what one writes without a server. Reads a batch file, asks with `fetch`, a number at a
// time, and writes a file. No check, no retry, no database, nothing left after a crash.
// `node benches/serve/loop.mjs INPUT OUTPUT URL IN_FLIGHT` prints the seconds it took.
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";

const [input, output, base, inFlight] = process.argv.slice(2);
const start = performance.now();
const lines = createInterface({ input: createReadStream(input) })[Symbol.asyncIterator]();
const results = createWriteStream(output);
let drained;

/** Resolves once there is room for more. */
function room() {
  drained ??= once(results, "drain").then(() => {
    drained = undefined;
  });
  return drained;
}

async function lane() {
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    const { custom_id, url, body } = JSON.parse(next.value);
    const response = await fetch(base + url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const result = { custom_id, response: { status_code: response.status, body: await response.json() } };
    if (!results.write(`${JSON.stringify(result)}\n`)) await room();
  }
}

await Promise.all(Array.from({ length: Number(inFlight) }, lane));
results.end();
await finished(results);
console.log((performance.now() - start) / 1000);
