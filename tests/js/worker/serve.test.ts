/** Guards that `edgebatch serve` promises what the Worker does: the Worker's tests of routes, clients and walls, over it. */

import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "../../..");
const files = [
  ...["routes", "file-routes", "multipart", "hostile", "paging", "inputs"],
  ...["tenants", "sdk-node", "sdk-python", "pass-through"],
];

/** What the Worker does otherwise: started without keys it serves nobody, `serve` this machine. */
const others = "a Worker with neither keys nor leave for everyone";

for (const name of files) {
  test(`the Worker's tests of ${name} hold`, async () => {
    const env: NodeJS.ProcessEnv = { ...process.env, EDGEBATCH_TESTED: "serve" };
    // Of the runner of this test: the other one is to report by itself.
    delete env.NODE_TEST_CONTEXT;
    const file = join(name === "multipart" ? "tests/js/server" : "tests/js/server/suite", `${name}.test.ts`);
    const child = spawn(
      process.execPath,
      ["--test", "--test-reporter=tap", `--test-skip-pattern=${others}`, file],
      { cwd: root, env },
    );
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (printed += text));
    const status = await new Promise((ended) => child.once("close", ended));
    assert.equal(status, 0, printed);
    assert.ok(Number(/^# pass (\d+)$/m.exec(printed)?.[1]) > 0, printed);
  });
}
