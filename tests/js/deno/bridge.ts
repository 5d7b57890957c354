/** A `DenoKV` of a child process in Deno, as a store of this one. */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { KV, KVCheck, KVOp, KVPage, KVQuery } from "../../../js/core/types.ts";
import { DenoKV } from "../../../js/hosts/kv/deno-kv.ts";
import { deno, inside } from "./children.ts";
import { type Call, packed, type Reply, unpacked } from "./inside/bridge.ts";

export class BridgedKV implements KV {
  readonly caps = new DenoKV({} as never).caps;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #calls = 0;

  constructor(path: string) {
    const [program, ...args] = deno as [string, ...string[]];
    this.#child = spawn(program, [...args, fileURLToPath(`${inside}bridge.ts`), path], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    if (this.#child.stdout === null) throw new Error("no output");
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      const reply: Reply = JSON.parse(line, unpacked);
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    this.#child.once("close", () => {
      for (const [id, done] of this.#waiting) done({ id, error: "the process in Deno has ended" });
    });
  }

  get = (key: string) => this.#call<Uint8Array | null>("get", key);
  set = (key: string, value: Uint8Array) => this.#call<void>("set", key, value);
  delete = (key: string) => this.#call<void>("delete", key);
  list = (query: KVQuery) => this.#call<KVPage>("list", query);
  batch = (ops: KVOp[], checks: KVCheck[] = []) => this.#call<boolean>("batch", ops, checks);

  /** Whether no other process is in the middle of a write, or not for long. */
  isFree = () => this.#call<boolean>("isFree");

  close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#child.once("close", () => resolve()));
    this.#child.stdin?.end();
    return ended;
  }

  #call<T>(name: Call["name"], ...args: unknown[]): Promise<T> {
    const call: Call = { id: ++this.#calls, name, args };
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(call.id, ({ value, error }) =>
        error === undefined ? resolve(value as T) : reject(new Error(error)),
      );
      this.#child.stdin?.write(`${JSON.stringify(call, packed)}\n`);
    });
  }
}
