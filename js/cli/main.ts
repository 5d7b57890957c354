#!/usr/bin/env node
/** The command `edgebatch`: what must happen before anything is loaded. */

import { checkNode } from "../hosts/shared/node-modules.ts";
import { keepYoungGenerationSmall } from "./memory.ts";

try {
  checkNode();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(2);
}

keepYoungGenerationSmall();

const emitWarning = process.emitWarning;
// Users need not know that Node calls its SQLite experimental. Every other warning is shown.
process.emitWarning = function (this: NodeJS.Process, warning: string | Error, ...rest: unknown[]) {
  const text = typeof warning === "string" ? warning : warning.message;
  if (text.startsWith("SQLite is an experimental feature")) return;
  Reflect.apply(emitWarning, this, [warning, ...rest]);
} as typeof process.emitWarning;

const { main } = await import("./program.ts");
const status = await main(process.argv.slice(2));
// What is written goes out first; timers that nothing waits for are not waited for.
for (const stream of [process.stdout, process.stderr]) {
  await new Promise<void>((resolve) => {
    stream.write("", () => resolve());
  });
}
process.exit(status);
