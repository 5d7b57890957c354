/** In a page, and in a worker of it: the contracts of stores that only a browser has, a test at a time. */

import {
  type FilesSubject,
  filesContract,
  type KVSubject,
  kvContract,
} from "../../../../../js/contract/index.ts";
import { OpfsFiles } from "../../../../../js/hosts/files/opfs.ts";
import { IndexedDbKV } from "../../../../../js/hosts/kv/indexed-db.ts";

const deleted = (database: string) =>
  new Promise<void>((done, failed) => {
    const request = indexedDB.deleteDatabase(database);
    request.onsuccess = () => done();
    request.onerror = () => failed(request.error);
  });

async function makeKV(): Promise<KVSubject> {
  const name = crypto.randomUUID();
  const opened: IndexedDbKV[] = [];
  const open = async () => {
    const kv = new IndexedDbKV(name);
    opened.push(kv);
    return kv;
  };
  return {
    kv: await open(),
    open,
    reopen: async () => {
      opened[0]?.close();
      return open();
    },
    close: async () => {
      for (const kv of opened) kv.close();
      await deleted(name);
    },
  };
}

async function makeFiles(): Promise<FilesSubject> {
  const name = crypto.randomUUID();
  const opened: OpfsFiles[] = [];
  const open = async () => {
    const files = new OpfsFiles(name);
    opened.push(files);
    return files;
  };
  const root = await navigator.storage.getDirectory();
  return {
    files: await open(),
    open,
    reopen: open,
    remove: (files, id) => (files as OpfsFiles).delete(id),
    cut: async (id, bytes) => {
      const folder = await root.getDirectoryHandle(name);
      for await (const file of folder.keys()) {
        if (!file.startsWith(`${id}~`)) continue;
        const handle = await folder.getFileHandle(file);
        const stream = await handle.createWritable({ keepExistingData: true });
        await stream.truncate((await handle.getFile()).size - bytes);
        await stream.close();
      }
    },
    close: async () => {
      for (const files of opened) files.close();
      // A writer that a test has left behind is at its bytes until the page closes.
      await root.removeEntry(name, { recursive: true }).catch(() => {});
      await deleted(`${name}.files`);
    },
  };
}

const suites = { kv: kvContract(makeKV), files: filesContract(makeFiles) };
export type Suite = keyof typeof suites;

/** Runs one test; gives what is wrong, or an empty text. */
async function run(suite: Suite, name: string): Promise<string> {
  try {
    const test = suites[suite].find((each) => each.name === name);
    if (test === undefined) return `there is no such test: ${name}`;
    await test.run();
    return "";
  } catch (error) {
    return `${error instanceof Error ? (error.stack ?? error.message) : error}`;
  }
}

/** The same within a worker, which is this very script. */
let worker: Worker | undefined;
async function runInWorker(suite: Suite, name: string): Promise<string> {
  worker ??= new Worker("/script.js");
  const answered = new Promise<string>((done) => {
    if (worker) worker.onmessage = ({ data }) => done(data);
  });
  worker.postMessage([suite, name]);
  return answered;
}

export const contracts = { run, runInWorker };
Object.assign(globalThis, { contracts });

if (typeof document === "undefined")
  globalThis.onmessage = async ({ data }) => globalThis.postMessage(await run(...(data as [Suite, string])));
