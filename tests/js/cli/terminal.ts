/** A pseudo-terminal to run the command line on, and what a person sees on it. */
import { spawn } from "node:child_process";
import { command as edgebatch, environment } from "./command.ts";

// Python's, as every system on which these tests run has one.
const spawnOnTerminal = `
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))`;

/** A command on a terminal of its own. */
export interface OnTerminal {
  /** Presses keys; `\u0003` is Ctrl-C. */
  press(keys: string): void;
  /** Resolves once the screen shows a text. */
  shows(text: RegExp): Promise<void>;
  /** Exit status, and all that was written, as it came. */
  ended: Promise<{ status: number | null; written: string; screen: string[] }>;
}

/** Starts `edgebatch …args` on a terminal of so many columns. */
export function onTerminal(
  args: string[],
  options: { cwd: string; columns?: number; env?: Record<string, string> },
): OnTerminal {
  const { cwd, columns = 80, env = {} } = options;
  const command = ["sh", "-c", `stty cols ${columns} rows 50; exec "$@"`, "sh", ...edgebatch, ...args];
  const child = spawn("python3", ["-c", spawnOnTerminal, ...command], {
    cwd,
    env: environment({ TERM: "xterm", ...env }),
  });
  let written = "";
  const watchers = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written += text;
    for (const watch of watchers) watch();
  });
  return {
    press: (keys) => void child.stdin.write(keys),
    shows: (text) =>
      new Promise((resolve) => {
        const watch = () => {
          if (!screenOf(written, columns).some((line) => text.test(line))) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        watch();
      }),
    ended: new Promise((resolve) => {
      child.on("close", (status) => resolve({ status, written, screen: screenOf(written, columns) }));
    }),
  };
}

/** The lines on a terminal after all that was written to it. */
export function screenOf(written: string, columns: number): string[] {
  const lines: string[][] = [[]];
  let [row, column] = [0, 0];
  const down = () => {
    row += 1;
    lines[row] ??= [];
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
  for (const [token] of written.matchAll(/\u001b\[[0-9;?]*[a-zA-Z]|[\s\S]/gu)) {
    if (token === "\r") column = 0;
    else if (token === "\n") down();
    else if (token === "\u001b[K")
      (lines[row] as string[]).length = Math.min(column, (lines[row] as string[]).length);
    else if (token.startsWith("\u001b"))
      throw new Error(`a terminal command that nobody needs: ${JSON.stringify(token)}`);
    else {
      if (column === columns) {
        column = 0;
        down();
      }
      (lines[row] as string[])[column] = token;
      column += 1;
    }
  }
  return lines.map((line) => Array.from(line, (char) => char ?? " ").join(""));
}
