// What the scripts share. Plain JavaScript for Node 20, with no package: it runs before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const bin = join(root, "node_modules", ".bin");
export const node = join(bin, "node");
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "edgebatch");
export const target = "wasm32-unknown-unknown";

/** The environment of every command: the tools that set-up finds are put in front of PATH. */
export const env = { ...process.env };
// These would replace what .cargo/config.toml says, or the place where the build is looked for.
for (const name of ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"]) delete env[name];
env.CARGO_TARGET_DIR = join(root, "target");
delete env.NODE_OPTIONS;
delete env.NODE_TEST_CONTEXT;

/** Where cargo puts what it builds. */
export const targetDir = resolve(root, env.CARGO_TARGET_DIR || "target");
env.CARGO_TARGET_DIR = targetDir; // a cargo configuration that names another would hide the build from us

/** Puts a folder in front of PATH. */
export function addPath(folder) {
  const parts = (env.PATH ?? "").split(delimiter).filter((part) => part !== folder);
  env.PATH = [folder, ...parts].join(delimiter);
}
addPath(bin);

let wasmFolder = null;

/** Has the wasm build take Rust from this folder; everything else keeps the installed one. */
export function useForWasm(folder) {
  wasmFolder = folder;
}

/** The environment of commands that compile to wasm. */
export function wasmEnv() {
  return wasmFolder === null ? env : { ...env, PATH: [wasmFolder, env.PATH].join(delimiter) };
}

/** True when a Rust other than the installed one compiles to wasm. */
export function otherRustForWasm() {
  return wasmFolder !== null;
}

/** What went wrong in a way that we know. */
export class Failure extends Error {
  status = 1;
}

export function say(text) {
  process.stdout.write(`${text}\n`);
}

/** How long something took, for people. */
export function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/** Runs a command with our terminal; false when it failed. */
export function tryRun(command, args, options = {}) {
  const done = spawnSync(command, args, {
    cwd: root,
    env,
    stdio: ["ignore", "inherit", "inherit"],
    ...options,
  });
  return done.status === 0;
}

/** Runs a command with our terminal; throws when it failed. */
export function run(command, args, options = {}) {
  if (!tryRun(command, args, options)) throw new Failure(`failed: ${[command, ...args].join(" ")}`);
}

/** The output of a command, or null when it failed. */
export function capture(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: root, env, encoding: "utf8", ...options });
  return done.status === 0 ? done.stdout.trim() : null;
}

/** Runs a command, shows its output as it comes and gives it back with the exit status (null after a signal). */
export function tee(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], ...options });
    const chunks = [];
    child.stdout.on("data", (chunk) => {
      chunks.push(chunk);
      process.stdout.write(chunk);
    });
    child.stderr.on("data", (chunk) => process.stderr.write(chunk));
    child.on("error", (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve({ status: null, output: "" });
    });
    child.on("close", (status) => resolve({ status, output: Buffer.concat(chunks).toString("utf8") }));
  });
}

/** Every file under the given files and folders, sorted, as paths from the root; `skip` says what to leave out. */
export function filesUnder(paths, skip = () => false) {
  const found = [];
  const visit = (path) => {
    if (skip(relative(root, path)) || !existsSync(path)) return;
    if (statSync(path).isDirectory()) for (const name of readdirSync(path)) visit(join(path, name));
    else found.push(relative(root, path));
  };
  for (const path of paths) visit(join(root, path));
  return found.sort();
}

/** A hash of the files' names and contents, and of other things that decide the result. */
export function contentHash(files, ...others) {
  const hash = createHash("sha256");
  for (const file of files) {
    const content = readFileSync(join(root, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  for (const other of others) hash.update(`\0${other}`);
  return hash.digest("hex");
}

/** Does the work unless the stamp beside its result says that it was done from the same inputs; true when it worked. */
export function unlessStamped(stamp, key, work) {
  const file = join(root, stamp);
  if (existsSync(file) && readFileSync(file, "utf8") === key) return false;
  work();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, key);
  return true;
}

/** Ends the script with what went wrong: one line for what we know, the stack for what we don't. */
export function main(work) {
  Promise.resolve()
    .then(work)
    .catch((error) => {
      process.stderr.write(`${error instanceof Failure ? error.message : (error?.stack ?? error)}\n`);
      process.exitCode = error instanceof Failure ? error.status : 1;
    });
}

/** True when the file was started by itself, not imported. */
export function isMain(url) {
  return process.argv[1] !== undefined && fileURLToPath(url) === realpathSync(process.argv[1]);
}

/** The built page on a port of its own, until its server is killed. */
export async function servedPage() {
  const server = spawn(node, ["scripts/page.mjs", "--built"], {
    cwd: root,
    env: { ...process.env, HOST: "127.0.0.1", PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise((found) => {
    server.stdout.on("data", (text) => found(/http:\S+/.exec(String(text))?.[0]));
  });
  return { server, url };
}
