/** What goes to the terminal: results on standard output, everything for people on standard error. */

export { count, plural } from "../core/numbers.ts";

import type { ReportError } from "../core/reports.ts";

/** A reason why a command cannot do its work. Its message is all that is shown; the exit status is 2. */
export class CannotRun extends Error {}

/** Exit statuses of all commands. */
export const exit = { good: 0, bad: 1, cannotRun: 2, refused: 3, interrupted: 130, terminated: 143 } as const;

let readerGone = false;

/** A reader that has seen enough, such as `head`, is no error: what follows is dropped. */
export function allowClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      if (stream === process.stdout) readerGone = true;
    });
  }
}

/** Writes to standard output, at the reader's pace. */
export async function print(text: string | Uint8Array): Promise<void> {
  if (readerGone) return;
  await new Promise<void>((resolve) => {
    process.stdout.write(text, () => resolve());
  });
}

/** Writes a line to standard error. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** `file:line:column: code: message (param)`, with as much of the position as there is. */
export function formatError(file: string, error: ReportError): string {
  const { line, column, code, message, param, reason = "" } = error;
  const place = [file, line, column].filter((part) => part != null).join(":");
  const why = message.endsWith(reason) ? "" : ` ${reason}`;
  return `${place}: ${code}: ${oneLine(message + why)}${param === null ? "" : ` (${oneLine(param)})`}`;
}

/** Prints errors, each on a line of its own; to standard error where standard output is for answers. */
export async function printErrors(
  file: string,
  errors: ReportError[],
  elsewhere?: (line: string) => void,
): Promise<void> {
  for (let from = 0; from < errors.length; from += 1_000) {
    const lines = errors.slice(from, from + 1_000).map((error) => formatError(file, error));
    if (elsewhere === undefined) await print(lines.map((line) => `${line}\n`).join(""));
    else lines.forEach(elsewhere);
  }
}

/** Model names come from the file: no line breaks and no terminal commands out of them. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) =>
    JSON.stringify(char)
      .slice(1, -1)
      .replace(/^[^\\]$/, escapeHex),
  );
}

function escapeHex(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** 1.5 MB, in powers of 1,000. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let amount = value;
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1_000;
    unit += 1;
  }
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${units[unit]}`;
}

/** 0.4 s, 12 s, 3 min 20 s, 5 h 7 min, 3 d 4 h. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3_600)} h`;
}

/** 14:05:30, with the date unless it is today. */
export function clock(at: number): string {
  const date = new Date(at);
  const time = date.toLocaleTimeString("en-GB");
  return date.toDateString() === new Date().toDateString()
    ? time
    : `${date.toLocaleDateString("en-CA")} ${time}`;
}

/** What an error says, for people: of a failed `fetch` also the cause, which holds the reason. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error as { cause?: unknown };
  if (!(cause instanceof Error)) return error.message;
  if (cause.message !== "" && error.message.endsWith(cause.message)) return error.message;
  return `${error.message}: ${cause.message || ((cause as NodeJS.ErrnoException).code ?? cause.name)}`;
}
