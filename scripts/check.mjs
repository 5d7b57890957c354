// The gates besides the tests, one by name or all: `node scripts/check.mjs [NAME…]`, `--list` names them. Each is a
// file of scripts/gates, which begins with why it is there.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./lib/env.mjs";
import { Failure, main, say, seconds } from "./lib/process.mjs";
import { setup } from "./setup.mjs";

const gates = readdirSync(join(root, "scripts/gates"))
  .filter((file) => file.endsWith(".mjs"))
  .map((file) => file.slice(0, -".mjs".length))
  .sort();

main(async () => {
  const asked = process.argv.slice(2);
  if (asked.includes("--list")) {
    say(gates.join("\n"));
    return;
  }
  const unknown = asked.filter((name) => !gates.includes(name));
  if (unknown.length > 0) throw new Failure(`no such gate: ${unknown.join(", ")}`);
  setup();
  let failed = 0;
  for (const name of asked.length > 0 ? asked : gates) {
    const start = performance.now();
    const { default: gate } = await import(`./gates/${name}.mjs`);
    try {
      await gate();
      say(`ok   ${name} (${seconds(start)})`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failed += 1;
      process.stderr.write(`${error.message}\n`);
      say(`FAIL ${name} (${seconds(start)})`);
    }
  }
  process.exitCode = failed > 0 ? 1 : 0;
});
