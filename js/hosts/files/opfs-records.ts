/**
 * The records of `OpfsFiles`, in IndexedDB: which bytes are a file's, and who holds it. The private file system has no step that
 * makes one of two writers win; a transaction is that. A record of a deleted file that is held moves to `held`, and goes with
 * the last of its `holds`.
 */

import type { FileObject } from "../../core/types.ts";
import { Database, given } from "../shared/indexed-db.ts";

/** What is known of a file. */
export interface Metadata {
  file: FileObject;
  /** The name of its bytes. */
  data: string;
}

/** Each change gives the name of the bytes that no record names any more, if there are such. */
export class OpfsRecords {
  readonly #db: Database;

  constructor(database: string) {
    this.#db = new Database(database, ["files", "held", "holds"]);
  }

  /** The record of a file; for its holder also of a deleted one. */
  find(id: string, holder?: string): Promise<Metadata | null> {
    return this.#db.read(async (transaction) => {
      const { files, held, holds } = storesOf(transaction);
      const record = await files.get(id);
      if (record !== undefined || holder === undefined) return record ?? null;
      return (await holds.has([id, holder])) ? ((await held.get(id)) ?? null) : null;
    });
  }

  /** Whether bytes are those of a file, or of a deleted one that is held. */
  names(id: string, data: string): Promise<boolean> {
    return this.#db.read(async (transaction) => {
      const { files, held } = storesOf(transaction);
      return [await files.get(id), await held.get(id)].some((record) => record?.data === data);
    });
  }

  /** Makes a file visible, or replaces it. */
  commit(record: Metadata): Promise<string | undefined> {
    return this.#db.write(async (transaction) => {
      const { files } = storesOf(transaction);
      const before = await files.get(record.file.id);
      files.put(record.file.id, record);
      return before?.data;
    });
  }

  /** Removes a file, but for its holders. */
  remove(id: string): Promise<{ found: boolean; unnamed: string | undefined }> {
    return this.#db.write(async (transaction) => {
      const { files, held, holds } = storesOf(transaction);
      const record = await files.get(id);
      if (record === undefined) return { found: false, unnamed: undefined };
      files.delete(id);
      if (!(await holds.hasAny(id))) return { found: true, unnamed: record.data };
      const earlier = await held.get(id);
      held.put(id, record);
      return { found: true, unnamed: earlier?.data };
    });
  }

  /** Notes that a file is needed. Says whether it is held; not where there is no file, or none any more. */
  hold(id: string, holder: string): Promise<boolean> {
    return this.#db.write(async (transaction) => {
      const { files, holds } = storesOf(transaction);
      if (await holds.has([id, holder])) return true;
      if ((await files.get(id)) === undefined) return false;
      holds.add([id, holder]);
      return true;
    });
  }

  release(id: string, holder: string): Promise<string | undefined> {
    return this.#db.write(async (transaction) => {
      const { held, holds } = storesOf(transaction);
      holds.delete([id, holder]);
      if (await holds.hasAny(id)) return undefined;
      const record = await held.get(id);
      held.delete(id);
      return record?.data;
    });
  }

  close(): void {
    this.#db.close();
  }
}

/** The three stores within a transaction. A failed write ends that, and needs not be awaited. */
function storesOf(transaction: IDBTransaction) {
  const records = (store: IDBObjectStore) => ({
    get: (id: string) => given<Metadata | undefined>(store.get(id)),
    put: (id: string, record: Metadata) => void store.put(record, id),
    delete: (id: string) => void store.delete(id),
  });
  const holds = transaction.objectStore("holds");
  return {
    files: records(transaction.objectStore("files")),
    held: records(transaction.objectStore("held")),
    holds: {
      has: async (key: [id: string, holder: string]) => (await given(holds.count(key))) > 0,
      // Arrays come after all texts.
      hasAny: async (id: string) => (await given(holds.count(IDBKeyRange.bound([id], [id, []])))) > 0,
      add: (key: [id: string, holder: string]) => void holds.put(true, key),
      delete: (key: [id: string, holder: string]) => void holds.delete(key),
    },
  };
}
