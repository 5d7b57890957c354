/**
 * Node's own modules, which take milliseconds to load or to make importable, got when they are first used: importing
 * this package must cost nothing to a program that only validates.
 */

/** `node:fs`. */
export const fs = () => process.getBuiltinModule("node:fs");

/** `node:sqlite`. */
export const sqlite = () => process.getBuiltinModule("node:sqlite");

/** `node:path`. */
export const paths = () => process.getBuiltinModule("node:path");

/** `node:os`. */
export const os = () => process.getBuiltinModule("node:os");
