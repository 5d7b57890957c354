// Bun and Deno, which the server's tests run it on: npm packages that hold the program of this system.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../lib/env.mjs";
import { capture, Failure, run, say } from "../lib/process.mjs";

/** For each the program, and the script that puts it there, which npm may have been told not to run. */
const places = {
  bun: ["node_modules/bun/bin/bun.exe", "install.js"],
  deno: ["node_modules/deno/deno", "install.cjs"],
};

/** The program of `bun` or `deno`. @throws Failure when it cannot be had */
export function runtime(name) {
  const [path, script] = places[name];
  const program = join(root, path);
  const version = () => capture(program, ["--version"]);
  if (!existsSync(program) || version() === null) {
    say(`set-up: letting the npm package \`${name}\` put its program in place …`);
    run(process.execPath, [script], { cwd: join(root, "node_modules", name) });
    if (version() === null) {
      throw new Failure(`set-up: ${name} does not run on this system: the tests of server-${name} need it`);
    }
  }
  return program;
}
