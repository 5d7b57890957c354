#!/usr/bin/env node
/** The command `edgebatch`: what must happen before anything is loaded. */

const emitWarning = process.emitWarning;
// Users need not know that Node calls its SQLite experimental. Every other warning is shown.
process.emitWarning = function (this: NodeJS.Process, warning: string | Error, ...rest: unknown[]) {
  const text = typeof warning === "string" ? warning : warning.message;
  if (text.startsWith("SQLite is an experimental feature")) return;
  Reflect.apply(emitWarning, this, [warning, ...rest]);
} as typeof process.emitWarning;

const { main } = await import("./program.ts");
process.exitCode = await main(process.argv.slice(2));
