/** A database of the browser's: opened when it is first needed, and again after the browser has closed it. */

/** Raised when the stores change: an older tab is asked to let go, and a database of a newer one is refused. */
const VERSION = 1;

/** An IndexedDB database of some object stores, whose keys are given with each value. */
export class Database {
  readonly #name: string;
  readonly #stores: string[];
  #opened: Promise<IDBDatabase> | undefined;
  #closed = false;

  constructor(name: string, stores: string[]) {
    this.#name = name;
    this.#stores = stores;
  }

  /** Reads what no write comes between. */
  async read<T>(work: (transaction: IDBTransaction) => Promise<T>): Promise<T> {
    try {
      return await work((await this.#connection()).transaction(this.#stores, "readonly"));
    } catch (error) {
      throw this.#explained(error);
    }
  }

  /**
   * Reads and writes, all of it or nothing: resolves once the browser says that it is on the disk. `work` may await requests of
   * the transaction and nothing else, or that has ended before it.
   */
  async write<T>(work: (transaction: IDBTransaction) => Promise<T>): Promise<T> {
    let transaction: IDBTransaction | undefined;
    try {
      transaction = (await this.#connection()).transaction(this.#stores, "readwrite", {
        durability: "strict",
      });
      const done = ended(transaction);
      const value = await work(transaction);
      transaction.commit();
      await done;
      return value;
    } catch (error) {
      // A failed request, such as one that finds the storage full, has ended it already.
      const cause = transaction?.error ?? error;
      try {
        transaction?.abort();
      } catch {}
      throw this.#explained(cause);
    }
  }

  /** Calls after it reject. */
  close(): void {
    this.#closed = true;
    this.#forget();
  }

  #connection(): Promise<IDBDatabase> {
    if (this.#closed) throw new Error(`The store ${this.#name} is closed.`);
    if (this.#opened !== undefined) return this.#opened;
    const opened = open(this.#name, this.#stores).then((db) => {
      // The browser has closed it, as when the data of a site are cleared: the next call finds what is there then.
      db.onclose = () => this.#forget(opened);
      // Another tab deletes it or brings it to a newer version, and waits until everyone has let go.
      db.onversionchange = () => this.#forget(opened);
      return db;
    });
    this.#opened = opened;
    opened.catch(() => this.#forget(opened));
    return opened;
  }

  #forget(opened = this.#opened): void {
    if (this.#opened === opened) this.#opened = undefined;
    opened?.then(
      (db) => db.close(),
      () => {},
    );
  }

  /** The browser's own errors, by their names and in words that help. */
  #explained(error: unknown): unknown {
    const name = (error as Error | null)?.name ?? "AbortError";
    const why = reasons[name];
    if (why === undefined) return error;
    const message = `The store ${this.#name}: ${why}.`;
    return Object.assign(new Error(message, { cause: error }), { name });
  }
}

/** What the names of a browser's errors mean here. */
const reasons: Record<string, string> = {
  QuotaExceededError:
    "the browser has no more room for this site; free some, or ask for more by `navigator.storage.persist()`",
  AbortError: "the browser gave it up, as it does when a site's data are cleared",
  SecurityError: "this page may keep nothing: its frame is sandboxed, or storage is blocked for the site",
  InvalidStateError:
    "it was closed meanwhile, or this is a private window of a browser that keeps nothing there",
  VersionError: "a newer version of edgebatch has written it: load this page again",
  UnknownError: "the browser cannot read or write its files; its disk may be full, or what it kept damaged",
};

function open(name: string, stores: string[]): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    if (globalThis.indexedDB === undefined) throw new Error(`The store ${name}: there is no IndexedDB here.`);
    const request = indexedDB.open(name, VERSION);
    let isRefused = false;
    request.onupgradeneeded = () => {
      const made = request.result.objectStoreNames;
      for (const store of stores) if (!made.contains(store)) request.result.createObjectStore(store);
    };
    request.onsuccess = () => {
      if (isRefused) request.result.close();
      else resolve(request.result);
    };
    request.onerror = () => reject(request.error);
    request.onblocked = () => {
      isRefused = true;
      reject(
        new Error(`The store ${name}: a tab with an older version of this page has it open; close that tab.`),
      );
    };
  });
}

/** Resolves once a transaction is durable; rejects when it has ended otherwise. */
function ended(transaction: IDBTransaction): Promise<void> {
  const done = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
  // Whoever awaits it may have failed before.
  done.catch(() => {});
  return done;
}

/** What a request gives. */
export function given<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
