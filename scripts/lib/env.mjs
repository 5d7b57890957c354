// Where things are, and the environment of every command. Plain JavaScript for Node 20, with no package: it runs before
// anything is installed.
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const bin = join(root, "node_modules", ".bin");
export const node = join(bin, "node");
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "edgebatch");
export const target = "wasm32-unknown-unknown";

/** Where cargo puts what it builds. A cargo configuration that names another would hide the build from us. */
export const targetDir = join(root, "target");

/** The environment of every command: the tools that set-up finds are put in front of PATH. */
export const env = environment();

function environment() {
  const env = { ...process.env, CARGO_TARGET_DIR: targetDir };
  // These would replace what .cargo/config.toml says, or the place where the build is looked for.
  for (const name of ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"]) delete env[name];
  delete env.NODE_OPTIONS;
  delete env.NODE_TEST_CONTEXT;
  return { ...env, PATH: withFirst(env.PATH, bin) };
}

/** A PATH with a folder in front, and nowhere else. */
function withFirst(path, folder) {
  const rest = (path ?? "").split(delimiter).filter((part) => part !== folder);
  return [folder, ...rest].join(delimiter);
}

/** Puts a folder in front of PATH. */
export function addPath(folder) {
  env.PATH = withFirst(env.PATH, folder);
}

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
