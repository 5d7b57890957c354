/**
 * A copy of a server's state in one file, made while the server runs, and the way back. The file is a tar archive of what a
 * state folder holds.
 *
 * What makes the copy whole: records name objects, an object is written before a record names it, is never changed, and is
 * deleted after no record names it any more. So whatever the records of one moment name was there at that moment, and may be
 * gone soon after. Objects are packed first, in rounds: each looks at the records as they are by then, and packs what the rounds
 * before have not. A round that finds all it looks for is the last, and the records it saw are those that are packed.
 */

import { chown, type FileHandle, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { objectPath } from "../hosts/blobs/disk.ts";
import { Appender, discard, flushDirectory, isMissing, makeDirectory } from "../hosts/shared/disk.ts";
import { idOf, isBeingWritten, release, reserve } from "../hosts/shared/writers.ts";
import { namingRanges, objectsNamedBy } from "../server/objects.ts";
import { RecordsView } from "./backup/records.ts";
import { readTar, type TarEntry, TarError, TarWriter } from "./backup/tar.ts";
import { FORMAT_FILE, knownFormat, LOST_AND_FOUND, readFormat, writeFormat } from "./serve/formats.ts";
import { keysFile } from "./serve/keys/stored.ts";
import { OWN } from "./serve/state-folder.ts";

/** The first entry says what it is a copy of, the last that it is whole. */
const SEAL = "backup.json";
/** Objects that came or went while so much was packed are few: the records need not be held in view for longer. */
const SMALL_ROUND = 64 * 1024 * 1024;
/** After so many rounds the records are held in view however long it takes. */
const MOST_ROUNDS = 10;
/** The records of a tenant. What SQLite keeps beside such a file is copied through it. */
const STORE = /\.sqlite$/;
/** Of an entry that is read at once. */
const MOST_TEXT = 4096;

export interface BackupReport {
  tenants: number;
  objects: number;
  /** Of the archive. */
  bytes: number;
  /** Objects whose bytes the state has lost. */
  lost: string[];
  /** Stores that cannot be read, and are not in the copy. */
  damaged: string[];
}

export interface RestoreReport {
  files: number;
  bytes: number;
  /** When the copy was complete. Unix seconds. */
  createdAt: number;
}

/** @throws Error that says why there is no copy; then `file` is as it was */
export async function backup(folder: string, file: string): Promise<BackupReport> {
  const [from, target] = [resolve(folder), resolve(file)];
  const format = await readFormat(from);
  if (format === null) throw new Error(`${from} holds no state of edgebatch serve`);
  knownFormat(String(format), from);
  if (isState(relative(from, target))) throw new Error(`${target} is a place of the state itself`);
  const beside = dirname(target);
  await sweep(beside);
  const name = reserve("edgebatch-backup", "data");
  const path = join(beside, name);
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "wx", 0o600);
    const tar = new TarWriter(handle);
    const report = await pack(tar, from, path, format);
    await handle.sync();
    await handle.close();
    await rename(path, target);
    await flushDirectory(beside);
    return { ...report, bytes: tar.size };
  } finally {
    await handle?.close().catch(() => undefined);
    await discard(path);
    release(name);
  }
}

async function pack(
  tar: TarWriter,
  folder: string,
  path: string,
  format: number,
): Promise<Omit<BackupReport, "bytes">> {
  await tar.bytes(FORMAT_FILE, Buffer.from(`${format}\n`));
  // Only what is state: the folder may hold anything else besides, this archive and earlier ones among it.
  const tenants = (await names(join(folder, "tenants"))).filter((name) => STORE.test(name));
  const report = { tenants: tenants.length, objects: 0, lost: [] as string[], damaged: [] as string[] };
  for (const name of tenants.map((tenant) => `tenants/${tenant}`)) {
    await packStore(tar, folder, name, `${path}.sqlite`, report).catch((error) => {
      // Of one tenant alone: the others' copy is worth having.
      if (!isDamage(error)) throw error;
      report.damaged.push(name);
    });
  }
  const keys = await readFile(keysFile(folder)).catch((error) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (keys !== null) await tar.bytes(basename(keysFile(folder)), keys);
  const createdAt = Math.floor(Date.now() / 1000);
  await tar.bytes(SEAL, Buffer.from(JSON.stringify({ created_at: createdAt, sha256: tar.sha256() })));
  await tar.end();
  return report;
}

/** Whether an error of SQLite says that a file is damaged (SQLITE_CORRUPT) or no database at all (SQLITE_NOTADB). */
function isDamage(error: unknown): boolean {
  const { errcode, message } = error as { errcode?: number; message?: string };
  if (errcode === undefined) return /malformed|not a database/.test(message ?? "");
  return [11, 26].includes(errcode & 0xff);
}

/** Whether a path in a state folder is where its server keeps something. */
function isState(path: string): boolean {
  const [first = ""] = path.split(sep);
  const places = [FORMAT_FILE, basename(keysFile("")), "tenants", "blobs"];
  return places.includes(first) || first.startsWith(OWN);
}

/** Plain files of a folder. */
async function names(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const files = entries.filter((entry) => entry.isFile());
  return files.map(({ name }) => name).sort();
}

/** The objects that the store's records name, and then those records. */
async function packStore(
  tar: TarWriter,
  folder: string,
  name: string,
  copy: string,
  report: { objects: number; lost: string[] },
): Promise<void> {
  await removeStore(copy);
  const view = new RecordsView(join(folder, name), copy);
  try {
    let missedBefore = new Set<string>();
    for (let round = 1; ; round++) {
      view.begin();
      const { size } = tar;
      const missed = new Set<string>();
      for (const [from, to] of namingRanges) {
        for (const record of view.values(from, to)) {
          for (const { key, bytes } of objectsNamedBy(record)) {
            if (view.isPacked(key)) continue;
            if (await packObject(tar, folder, key, bytes)) {
              view.packed(key);
              report.objects += 1;
            } else missed.add(key);
          }
        }
      }
      // An object that was deleted meanwhile has no name in the next round. One that has is lost, there as here.
      const lost = [...missed].filter((key) => missedBefore.has(key));
      const isSmall = tar.size - size <= SMALL_ROUND || round >= MOST_ROUNDS;
      if (isSmall && lost.length === missed.size) {
        view.copy();
        view.end();
        report.lost.push(...lost);
        break;
      }
      view.end();
      missedBefore = missed;
    }
    view.finish();
    const handle = await open(copy, "r");
    try {
      await tar.file(name, handle, (await handle.stat()).size);
    } finally {
      await handle.close();
    }
  } finally {
    view.close();
    await removeStore(copy);
  }
}

/** False when the object is not there, or has not the bytes that it should have. */
async function packObject(tar: TarWriter, folder: string, key: string, bytes: number): Promise<boolean> {
  const path = join("blobs", objectPath(key));
  let handle: FileHandle;
  try {
    handle = await open(join(folder, path), "r");
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  try {
    if ((await handle.stat()).size !== bytes) return false;
    await tar.file(path.replaceAll("\\", "/"), handle, bytes);
    return true;
  } finally {
    await handle.close();
  }
}

async function removeStore(path: string): Promise<void> {
  for (const end of ["", "-wal", "-shm", "-journal"]) await discard(path + end);
}

/** What backups that were killed have left beside the archive. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const own = name.replace(/\.sqlite(-\w+)?$/, "");
    if (idOf(own) !== "edgebatch-backup" || (await isBeingWritten(folder, own))) continue;
    await discard(join(folder, name));
  }
}

/** @throws Error that says why nothing was restored; then the folder is as it was */
export async function restore(file: string, folder: string): Promise<RestoreReport> {
  const into = resolve(folder);
  const source = await open(file, "r");
  try {
    makeDirectory(into);
    if ((await contents(into)).length > 0) {
      throw new Error(`${into} is not empty: a backup is restored into a new folder`);
    }
    return await unpack(source, into).catch(async (error) => {
      for (const name of await contents(into)) await rm(join(into, name), { recursive: true, force: true });
      throw error;
    });
  } catch (error) {
    if (!(error instanceof TarError)) throw error;
    throw new Error(`${file} is no whole backup: ${error.message}`);
  } finally {
    await source.close();
  }
}

async function unpack(source: FileHandle, into: string): Promise<RestoreReport> {
  const report = { files: 0, bytes: 0 };
  const folders = new Set<string>();
  let format: number | undefined;
  let seal: Seal | undefined;
  for await (const entry of readTar(source)) {
    if (seal !== undefined) throw new TarError(`${entry.name} stands after its end`);
    if (entry.name === SEAL) seal = await readSeal(entry);
    else if (format === undefined) format = await readFormatEntry(entry);
    else {
      const path = join(into, ...partsOf(entry.name));
      makeDirectory(dirname(path));
      folders.add(dirname(path));
      const file = new Appender(await open(path, "wx", 0o600), entry.name);
      for await (const piece of entry.content()) await file.write(piece);
      await file.keep();
      report.files += 1;
      report.bytes += entry.size;
    }
  }
  if (seal === undefined || format === undefined) throw new TarError("it ends too early");
  for (const folder of folders) await flushDirectory(folder);
  // Last: without it no server takes the folder.
  await writeFormat(into, format);
  await giveToOwner(into);
  return { ...report, createdAt: seal.created_at };
}

/** What root has made in a folder of somebody else's would be out of the server's reach. */
async function giveToOwner(folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(folder);
  if (uid === 0) return;
  for (const name of await readdir(folder, { recursive: true })) await chown(join(folder, name), uid, gid);
}

interface Seal {
  created_at: number;
  /** Of all that stands before it. */
  sha256: string;
}

async function readSeal(entry: TarEntry): Promise<Seal> {
  const seal = JSON.parse(await textOf(entry)) as Seal;
  if (seal.sha256 !== entry.before) throw new TarError("its bytes are not those that were written");
  return seal;
}

async function readFormatEntry(entry: TarEntry): Promise<number> {
  if (entry.name !== FORMAT_FILE) throw new TarError(`its first entry is ${entry.name}`);
  return knownFormat(await textOf(entry), "the backup");
}

async function textOf(entry: TarEntry): Promise<string> {
  if (entry.size > MOST_TEXT) throw new TarError(`${entry.name} is too long`);
  let text = "";
  for await (const piece of entry.content()) text += Buffer.from(piece).toString();
  return text;
}

/** The parts of a path, none of which leads out of the folder. */
function partsOf(name: string): string[] {
  const parts = name.split("/");
  if (parts.every((part) => /^[^\\\0:]+$/.test(part) && !/^\.*$/.test(part))) return parts;
  throw new TarError(`${JSON.stringify(name)} is no path of a backup`);
}

/** What is in a folder; a volume has one folder of its own. */
async function contents(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name !== LOST_AND_FOUND);
}
