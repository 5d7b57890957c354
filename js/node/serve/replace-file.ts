/** Small files of a state folder: each is replaced as a whole, and is there after a power cut once that has resolved. */

import { chown, open, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { discard, flushDirectory } from "../../hosts/shared/disk.ts";

export async function replaceFile(folder: string, name: string, text: string): Promise<void> {
  const written = join(folder, `${name}.new`);
  // One that was cut off left it.
  await discard(written);
  const handle = await open(written, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await giveToOwner(folder, [written]);
  await rename(written, join(folder, name));
  await flushDirectory(folder);
}

/** What root makes in a folder of somebody else's would be out of the server's reach. */
export async function giveToOwner(folder: string, paths: string[]): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(folder);
  for (const path of paths) await chown(path, uid, gid);
}
