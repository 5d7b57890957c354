/** A `DenoKV` for a process that is not Deno: each line of standard input is a call, each line printed how it ended. */

import { createInterface } from "node:readline";
import { openKv } from "./open.ts";

/** Bytes in JSON. */
export const packed = (_: string, value: unknown) =>
  value instanceof Uint8Array ? { base64: Buffer.from(value).toString("base64") } : value;

/** The same back. */
export const unpacked = (_: string, value: { base64?: string } | null) =>
  typeof value?.base64 === "string" ? new Uint8Array(Buffer.from(value.base64, "base64")) : value;

export interface Call {
  id: number;
  name: "get" | "set" | "delete" | "list" | "batch" | "isFree";
  args: unknown[];
}

export interface Reply {
  id: number;
  value?: unknown;
  error?: string;
}

if (import.meta.main) {
  const [path] = process.argv.slice(2) as [string];
  const kv = await openKv(path);
  const hasty = await openKv(path, { busyTimeoutMs: 100 });
  const isFree = () =>
    hasty.delete("none").then(
      () => true,
      () => false,
    );
  const answer = (reply: Reply) => process.stdout.write(`${JSON.stringify(reply, packed)}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, name, args }: Call = JSON.parse(line, unpacked);
    const done: Promise<unknown> = name === "isFree" ? isFree() : Reflect.apply(kv[name], kv, args);
    done.then(
      (value) => answer({ id, value }),
      (error) => answer({ id, error: String(error) }),
    );
  }
  process.exit(0);
}
