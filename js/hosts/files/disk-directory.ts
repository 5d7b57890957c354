/**
 * The directory of `DiskFiles`, and the names in it.
 *
 * A file is its metadata, `<id>.json`, which names the bytes: `<id>~<host>-<pid>-<nonce>.data`, or a path outside.
 * Bytes are written and flushed first; then the metadata is written beside, flushed and renamed into place. That
 * rename is the one step that makes a file visible, or replaces it. A crash before it leaves bytes that nothing
 * names, and whose writer, known by its name, is gone: those are swept away.
 *
 * `<id>~<batch>.hold`, which is empty, says that a batch needs the bytes. A file is deleted by renaming its metadata to
 * `<id>~held.json`, which goes, with the bytes, when no such mark is left.
 */

import type { FileObject } from "../../core/types.ts";
import { discard, flushDirectory, isMissing } from "../shared/disk.ts";
import { fs, paths } from "../shared/node-modules.ts";
import { idOf, isBeingWritten, release, reserve } from "../shared/writers.ts";

/** Where the bytes of a file are. */
export type Content =
  | { data: string }
  | {
      /** An existing file that stays where it is, and its fingerprint when it was registered. */
      link: { path: string; size: string; mtime: string };
    };

/** What `<id>.json` holds. */
export type Metadata = { file: FileObject } & Content;

/** Reads the metadata of a file; null when there is none. */
export async function readMetadata(directory: string, id: string): Promise<Metadata | null> {
  try {
    return JSON.parse(
      await fs().promises.readFile(paths().join(directory, `${id}.json`), "utf8"),
    ) as Metadata;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Makes a file visible, or replaces it, and drops the bytes it had before. Durable once it resolves. */
export async function commit(directory: string, metadata: Metadata): Promise<void> {
  const { id } = metadata.file;
  const before = await readMetadata(directory, id);
  const name = reserve(id, "json");
  const path = paths().join(directory, name);
  try {
    const handle = await fs().promises.open(path, "wx");
    try {
      await handle.writeFile(JSON.stringify(metadata));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs().promises.rename(path, paths().join(directory, `${id}.json`));
  } catch (error) {
    await discard(path);
    throw error;
  } finally {
    release(name);
  }
  await flushDirectory(directory);
  if (before !== null && "data" in before) await discard(paths().join(directory, before.data));
}

/** Removes a file, but for its holders. Says whether there was one. */
export async function remove(directory: string, id: string): Promise<boolean> {
  const earlier = await readMetadata(directory, held(id));
  try {
    await fs().promises.rename(
      paths().join(directory, `${id}.json`),
      paths().join(directory, `${held(id)}.json`),
    );
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  await flushDirectory(directory);
  if (earlier !== null && "data" in earlier) await discard(paths().join(directory, earlier.data));
  await removeUnheld(directory, id);
  return true;
}

/** The name, without its ending, of a deleted file's metadata. No id has a `~`. */
function held(id: string): string {
  return `${id}~held`;
}

function mark(directory: string, id: string, holder: string): string {
  return paths().join(directory, `${id}~${holder}.hold`);
}

/** The metadata of a file that is deleted but for this holder. */
export async function readHeld(directory: string, id: string, holder: string): Promise<Metadata | null> {
  return fs().existsSync(mark(directory, id, holder)) ? readMetadata(directory, held(id)) : null;
}

/** Marks a file as needed by a holder. Durable once it resolves. Says whether it is. */
export async function hold(directory: string, id: string, holder: string): Promise<boolean> {
  if (fs().existsSync(mark(directory, id, holder))) {
    if ((await readMetadata(directory, id)) !== null || (await readMetadata(directory, held(id))) !== null)
      return true;
    // Left by a crash after the file was gone: it would hold the next one of this id.
    await discard(mark(directory, id, holder));
    return false;
  }
  if ((await readMetadata(directory, id)) === null) return false;
  await (await fs().promises.open(mark(directory, id, holder), "w")).close();
  await flushDirectory(directory);
  // Whoever deleted the file just now has not seen the mark.
  if ((await readMetadata(directory, id)) !== null) return true;
  await unhold(directory, id, holder);
  return false;
}

/** Takes the mark away, and with the last one what was deleted. */
export async function unhold(directory: string, id: string, holder: string): Promise<void> {
  await discard(mark(directory, id, holder));
  await removeUnheld(directory, id);
}

async function removeUnheld(directory: string, id: string): Promise<void> {
  const metadata = await readMetadata(directory, held(id));
  if (metadata === null) return;
  const names = await fs().promises.readdir(directory);
  if (names.some((name) => name.startsWith(`${id}~`) && name.endsWith(".hold"))) return;
  await discard(paths().join(directory, `${held(id)}.json`));
  await flushDirectory(directory);
  if ("data" in metadata) await discard(paths().join(directory, metadata.data));
}

/** Removes what crashed writers have left: of one id, or of all. What a living writer is at stays. */
export async function sweep(directory: string, id?: string): Promise<void> {
  for (const name of await fs().promises.readdir(directory)) {
    const deleted = /^(.+)~held\.json$/.exec(name)?.[1];
    if (deleted !== undefined && (id === undefined || deleted === id)) await removeUnheld(directory, deleted);
    const of = idOf(name);
    if (of === null || (id !== undefined && of !== id)) continue;
    // In this order: once the writer is gone, no metadata can come to name the bytes.
    if (await isBeingWritten(directory, name)) continue;
    await discardUnnamed(directory, of, name);
  }
}

/** Removes bytes unless the file's metadata names them. */
export async function discardUnnamed(directory: string, id: string, name: string): Promise<void> {
  for (const metadata of [await readMetadata(directory, id), await readMetadata(directory, held(id))])
    if (metadata !== null && "data" in metadata && metadata.data === name) return;
  await discard(paths().join(directory, name));
}
