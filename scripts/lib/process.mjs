// Running commands, and ending with what went wrong.
import { spawn, spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { env, root } from "./env.mjs";

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

/** Runs a command, shows its output as it comes, unless `quiet`, and gives it back with the exit status (null after a signal). */
export function tee(command, args, { quiet = false, ...options } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], ...options });
    const chunks = [];
    child.stdout.on("data", (chunk) => {
      chunks.push(chunk);
      if (!quiet) process.stdout.write(chunk);
    });
    child.stderr.on("data", (chunk) => {
      if (!quiet) process.stderr.write(chunk);
    });
    child.on("error", (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve({ status: null, output: "" });
    });
    child.on("close", (status) => resolve({ status, output: Buffer.concat(chunks).toString("utf8") }));
  });
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
