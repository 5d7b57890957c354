import assert from "node:assert/strict";
import { statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ContractError, filesContract, kvContract } from "../../../js/contract/index.ts";
import type { FileObject, FileWriter, KVCheck, KVOp, KVQuery } from "../../../js/core/types.ts";
import { DiskFiles } from "../../../js/hosts/files/disk.ts";
import { MemoryFiles } from "../../../js/hosts/files/memory.ts";
import { MemoryKV } from "../../../js/hosts/kv/memory.ts";
import { SqliteKV } from "../../../js/hosts/kv/sqlite.ts";
import { temporaryDirectory } from "./temp.ts";

describe("MemoryKV keeps the contract", () => {
  for (const t of kvContract(async () => ({ kv: new MemoryKV() }))) test(t.name, t.run);
});

describe("SqliteKV keeps the contract", () => {
  const tests = kvContract(async () => {
    const path = join(temporaryDirectory(), "kv.db");
    let kv = new SqliteKV(path);
    let other: SqliteKV | undefined;
    return {
      kv,
      open: async () => {
        other = new SqliteKV(path);
        return other;
      },
      reopen: async () => {
        kv.close();
        kv = new SqliteKV(path);
        return kv;
      },
      close: async () => {
        kv.close();
        other?.close();
      },
    };
  });
  for (const t of tests) test(t.name, t.run);
});

describe("MemoryFiles keeps the contract", () => {
  const tests = filesContract(async () => {
    const files = new MemoryFiles();
    return { files, remove: (_, id) => files.delete(id) };
  });
  for (const t of tests) test(t.name, t.run);
});

describe("DiskFiles keeps the contract", () => {
  const tests = filesContract(async () => {
    const directory = temporaryDirectory();
    const files = new DiskFiles(directory);
    return {
      files,
      reopen: async () => new DiskFiles(directory),
      open: async () => new DiskFiles(directory),
      remove: (store, id) => (store as DiskFiles).delete(id),
      cut: async (id, bytes) => {
        const path = (await files.path(id)) as string;
        truncateSync(path, statSync(path).size - bytes);
      },
    };
  });
  for (const t of tests) test(t.name, t.run);
});

/** The tests that an adapter fails, and why. */
async function failures(tests: { name: string; run(): Promise<void> }[]): Promise<string> {
  const failed: string[] = [];
  for (const { name, run } of tests) {
    try {
      await run();
    } catch (error) {
      assert.ok(error instanceof ContractError, `${name}: ${error}`);
      failed.push(`${name}: ${error.message}`);
    }
  }
  return failed.join("\n");
}

describe("The key-value suite finds an adapter that", () => {
  const failuresOf = (make: () => MemoryKV) => failures(kvContract(async () => ({ kv: make() })));

  test("orders keys as JavaScript does", async () => {
    class Utf16KV extends MemoryKV {
      override async list(query: KVQuery) {
        const { entries, more } = await super.list(query);
        const way = query.reverse ? -1 : 1;
        return { entries: entries.sort(([a], [b]) => (a < b ? -way : way)), more };
      }
    }
    const found = await failuresOf(() => new Utf16KV());
    assert.match(found, /lists keys in the order of their UTF-8 bytes/);
    // Readable, and short.
    const first =
      'expected "k:\\u{e000}" after "k:\\u{d7ff}", but got "k:\\u{10000}": keys come in the order of their';
    assert.ok(found.includes(first), found);
  });

  test("carries out half of a batch", async () => {
    class TornKV extends MemoryKV {
      override async batch(ops: KVOp[]) {
        for (const op of ops) {
          if (op.type === "set") await this.set(op.key, op.value);
          else await this.delete(op.key);
        }
        return true;
      }
    }
    assert.match(await failuresOf(() => new TornKV()), /leaves nothing of a batch that fails/);
  });

  test("looks at no check", async () => {
    class BlindKV extends MemoryKV {
      override batch(ops: KVOp[]) {
        return super.batch(ops);
      }
    }
    const found = await failuresOf(() => new BlindKV());
    assert.match(found, /exactly when its check holds: a missing key has a value: expected false/);
    assert.match(found, /exactly one of many writers with the same check win/);
    assert.match(found, /loses none of hundreds of interleaved increments/);
  });

  test("looks at its checks some time before it writes", async () => {
    class EarlyKV extends MemoryKV {
      override async batch(ops: KVOp[], checks: KVCheck[] = []) {
        if (!(await super.batch([], checks))) return false;
        await Promise.resolve();
        return super.batch(ops);
      }
    }
    const found = await failuresOf(() => new EarlyKV());
    assert.match(found, /exactly one of many writers with the same check win/);
    assert.match(found, /loses none of hundreds of interleaved increments/);
  });

  test("looks at its first check alone", async () => {
    class FirstKV extends MemoryKV {
      override batch(ops: KVOp[], checks: KVCheck[] = []) {
        return super.batch(ops, checks.slice(0, 1));
      }
    }
    assert.match(await failuresOf(() => new FirstKV()), /unless every check holds.* whose check 1 fails/);
  });

  test("looks at its checks when it has written", async () => {
    class LateKV extends MemoryKV {
      override async batch(ops: KVOp[], checks: KVCheck[] = []) {
        await super.batch(ops);
        return super.batch([], checks);
      }
    }
    assert.match(await failuresOf(() => new LateKV()), /checks what a key had before the batch/);
  });

  test("takes an absent key for an empty value", async () => {
    class LooseKV extends MemoryKV {
      override async batch(ops: KVOp[], checks: KVCheck[] = []) {
        const absent = await Promise.all(checks.map(async ({ key }) => (await this.get(key)) === null));
        const isEmpty = ({ value }: KVCheck, i: number) => absent[i] && value?.length === 0;
        return super.batch(
          ops,
          checks.filter((check, i) => !isEmpty(check, i)),
        );
      }
    }
    assert.match(await failuresOf(() => new LooseKV()), /a missing key has an empty value: expected false/);
  });

  test("tells a failed check by a rejection", async () => {
    class LoudKV extends MemoryKV {
      override async batch(ops: KVOp[], checks: KVCheck[] = []) {
        if (await super.batch(ops, checks)) return true;
        throw new ContractError("a check failed");
      }
    }
    assert.match(await failuresOf(() => new LoudKV()), /answers checks without writes: a check failed/);
  });

  test("tells nothing", async () => {
    class SilentKV extends MemoryKV {
      override async batch(ops: KVOp[]): Promise<boolean> {
        await super.batch(ops);
        return undefined as unknown as boolean;
      }
    }
    assert.match(await failuresOf(() => new SilentKV()), /answers true to a batch without checks/);
  });

  test("lets two hold its lock", async () => {
    class OpenKV extends MemoryKV {
      async lock() {
        return { release: async () => {} };
      }
    }
    assert.match(await failuresOf(() => new OpenKV()), /lets one at a time run its batches.* a rejection/);
  });

  test("includes `after`", async () => {
    class InclusiveKV extends MemoryKV {
      override async list(query: KVQuery) {
        const page = await super.list(query);
        const value = query.after === undefined ? null : await this.get(query.after);
        if (value !== null) page.entries.unshift([query.after as string, value]);
        return page;
      }
    }
    assert.match(await failuresOf(() => new InclusiveKV()), /starts after `after`/);
  });

  test("says that there is more whenever a page is full", async () => {
    class EagerKV extends MemoryKV {
      override async list(query: KVQuery) {
        const page = await super.list(query);
        return { ...page, more: page.entries.length === (query.limit ?? 1000) };
      }
    }
    assert.match(await failuresOf(() => new EagerKV()), /more exactly when there is/);
  });

  test("keeps the caller's array", async () => {
    class AliasKV extends MemoryKV {
      readonly #passed = new Map<string, Uint8Array>();
      override async set(key: string, value: Uint8Array) {
        this.#passed.set(key, value);
        await super.set(key, value);
      }
      override async get(key: string) {
        return (await super.get(key)) && (this.#passed.get(key) ?? super.get(key));
      }
    }
    const found = await failuresOf(() => new AliasKV());
    assert.match(found, /to a passed array later/);
    assert.match(found, /to a returned array/);
  });
});

describe("The file suite finds an adapter that", () => {
  const failuresOf = (make: () => MemoryFiles) => failures(filesContract(async () => ({ files: make() })));

  test("gives fewer bytes where some are lost", async () => {
    class CutFiles extends MemoryFiles {
      readonly lost = new Map<string, number>();
      override async read(id: string, offset: number, length: number) {
        const size = ((await this.retrieve(id))?.bytes ?? 0) - (this.lost.get(id) ?? 0);
        return super.read(id, offset, Math.max(0, Math.min(length, size - offset)));
      }
    }
    const tests = filesContract(async () => {
      const files = new CutFiles();
      return { files, cut: async (id, bytes) => void files.lost.set(id, bytes) };
    });
    assert.match(await failures(tests), /tells of bytes that are lost/);
  });

  test("keeps the caller's part", async () => {
    class AliasFiles extends MemoryFiles {
      override async create(options: {
        filename: string;
        purpose: string;
        id?: string;
      }): Promise<FileWriter> {
        const writer = await super.create(options);
        const parts: Uint8Array[] = [];
        return {
          ...writer,
          write: async (part) => void parts.push(part),
          complete: async () => {
            for (const part of parts) await writer.write(part);
            return writer.complete();
          },
        };
      }
    }
    assert.match(await failuresOf(() => new AliasFiles()), /does not need a part once it is written/);
  });

  test("gathers the parts of two writers of one id", async () => {
    class GatheringFiles extends MemoryFiles {
      readonly #parts = new Map<string, Uint8Array[]>();
      override async create(options: {
        filename: string;
        purpose: string;
        id?: string;
      }): Promise<FileWriter> {
        const writer = await super.create(options);
        const parts = this.#parts.get(options.id ?? "") ?? [];
        if (options.id !== undefined) this.#parts.set(options.id, parts);
        return {
          ...writer,
          write: async (part) => void parts.push(part.slice()),
          complete: async () => {
            for (const part of parts.splice(0)) await writer.write(part);
            return writer.complete();
          },
        };
      }
    }
    const found = await failuresOf(() => new GatheringFiles());
    assert.match(found, /what a newer writer of an id has completed .*: bytes once the newer is complete/);
    assert.match(found, /under its hands: bytes once the older is complete/);
    assert.match(found, /whoever completes, aborts or reads at the same time/);
  });

  test("takes the file away with an aborted writer of its id", async () => {
    class ForgettingFiles extends MemoryFiles {
      readonly lost: string[] = [];
      override async retrieve(id: string) {
        return this.lost.includes(id) ? null : super.retrieve(id);
      }
      override async create(options: {
        filename: string;
        purpose: string;
        id?: string;
      }): Promise<FileWriter> {
        const writer = await super.create(options);
        let isComplete = false;
        const complete = () => {
          isComplete = true;
          return writer.complete();
        };
        const abort = async () => {
          await writer.abort();
          if (!isComplete && options.id !== undefined) this.lost.push(options.id);
        };
        return { ...writer, complete, abort };
      }
    }
    const found = await failuresOf(() => new ForgettingFiles());
    assert.match(found, /and when that aborts: bytes after the older was aborted/);
  });

  test("shows a file too early", async () => {
    class EarlyFiles extends MemoryFiles {
      override async create(options: {
        filename: string;
        purpose: string;
        id?: string;
      }): Promise<FileWriter> {
        if (options.id !== undefined) await (await super.create(options)).complete();
        return super.create(options);
      }
    }
    assert.match(await failuresOf(() => new EarlyFiles()), /shows nothing of a file before it is complete/);
  });

  test("pads what it reads", async () => {
    class PaddingFiles extends MemoryFiles {
      override async read(id: string, offset: number, length: number) {
        const bytes = new Uint8Array(length);
        bytes.set(await super.read(id, offset, length));
        return bytes;
      }
    }
    assert.match(await failuresOf(() => new PaddingFiles()), /fewer bytes only where the file ends/);
  });

  test("throws for a missing file instead of saying null", async () => {
    class ThrowingFiles extends MemoryFiles {
      override async retrieve(id: string): Promise<FileObject | null> {
        const found = await super.retrieve(id);
        if (found === null) throw new ContractError("gone");
        return found;
      }
    }
    assert.match(await failuresOf(() => new ThrowingFiles()), /never made/);
  });
});
