/** Why requests failed: counted by status and code, from an error file of any size. */

import { open } from "node:fs/promises";
import { readAll } from "./input.ts";
import { count, oneLine } from "./terminal.ts";

/** Counts by reason, such as `400 context_length_exceeded`; the most frequent first. */
export type Failures = [reason: string, count: number][];

/** More reasons than this are counted as one: texts of a server may differ from line to line. */
const mostReasons = 1_000;
const newline = 0x0a;

/** Counts the lines of an error file. Memory: one line at a time. */
export async function failuresIn(path: string): Promise<Failures> {
  const counts = new Map<string, number>();
  const tally = (line: Uint8Array) => {
    if (line.length === 0) return;
    const reason = reasonOf(line);
    const known = counts.has(reason) || counts.size < mostReasons ? reason : "other";
    counts.set(known, (counts.get(known) ?? 0) + 1);
  };
  let rest: Uint8Array[] = [];
  for await (const chunk of readAll(await open(path, "r"))) {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      tally(Buffer.concat([...rest, chunk.subarray(from, end)]));
      rest = [];
      from = end + 1;
    }
    if (from < chunk.length) rest.push(chunk.slice(from));
  }
  tally(Buffer.concat(rest));
  return [...counts].sort(([, a], [, b]) => b - a);
}

/** A line for people: `234 x 400 context_length_exceeded, 3 x connection_error`. */
export function inWords(failures: Failures, most = 6): string {
  const shown = failures.slice(0, most).map(([reason, times]) => `${count(times)} x ${reason}`);
  const others = failures.slice(most).reduce((sum, [, times]) => sum + times, 0);
  if (others > 0) shown.push(`${count(others)} others`);
  return shown.join(", ");
}

function reasonOf(line: Uint8Array): string {
  try {
    const { response, error } = JSON.parse(Buffer.from(line).toString()) as ErrorLine;
    if (!response) return shortened(String(error?.code));
    const inner = response.body?.error;
    const code = typeof inner === "object" ? (inner?.code ?? inner?.type) : undefined;
    const status = response.status_code;
    return typeof code === "string" && code !== String(status)
      ? `${status} ${shortened(code)}`
      : String(status);
  } catch {
    return "unreadable";
  }
}

interface ErrorLine {
  response?: {
    status_code?: number;
    body?: { error?: { code?: unknown; type?: unknown } | string } | null;
  } | null;
  error?: { code?: unknown } | null;
}

function shortened(code: string): string {
  return oneLine(code).slice(0, 60);
}
