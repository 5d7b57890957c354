/**
 * Node's own modules that take milliseconds to load, got when they are first used: importing this package must cost
 * nothing to a program that only validates.
 */

/** `node:fs`. */
export const fs = () => process.getBuiltinModule("node:fs");

/** `node:sqlite`. */
export const sqlite = () => process.getBuiltinModule("node:sqlite");
