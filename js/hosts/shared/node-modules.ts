/**
 * Node's own modules, which take milliseconds to load or to make importable, got when they are first used: importing
 * this package must cost nothing to a program that only validates.
 */

/** The oldest Node that has all of it: `node:sqlite` without a flag. */
const LEAST = [22, 13] as const;

/** Says so where Node is too old, instead of failing in the middle of something. */
export function checkNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < LEAST[0] || (major === LEAST[0] && minor < LEAST[1])) throw tooOld();
}

function tooOld(): Error {
  // It calls itself a newer Node than it is.
  const { bun } = process.versions;
  if (bun !== undefined) return new Error(`edgebatch needs Bun 1.4 or newer; this is ${bun}`);
  return new Error(`edgebatch needs Node ${LEAST.join(".")} or newer; this is ${process.version}`);
}

/** `node:fs`. */
export const fs = () => process.getBuiltinModule("node:fs");

/** `node:sqlite`. @throws where there is none, whatever the runtime calls itself. */
export function sqlite() {
  const module = process.getBuiltinModule("node:sqlite");
  if (!module) throw tooOld();
  return module;
}

/** `node:path`. */
export const paths = () => process.getBuiltinModule("node:path");

/** `node:os`. */
export const os = () => process.getBuiltinModule("node:os");
