/** Files that are deleted while batches need them. */

import { assert, assertBytes, assertEqual, assertRejects, patternBytes } from "../assert.ts";
import { type FilesChecks, ID, isNotFound, NAMED, write } from "./subject.ts";

export const holdTests: FilesChecks = {
  "keeps a deleted file for its holders, until the last releases it": async (files, { reopen, remove }) => {
    const { hold, release } = files;
    if (!hold || !release || !remove) return;
    const whole = patternBytes(70_000);
    const { id } = await write(files, [whole]);
    assertEqual(await hold.call(files, ID, "batch_a"), false, "hold of a file that is not there");
    for (const holder of ["batch_a", "batch_b", "batch_a"])
      assertEqual(await hold.call(files, id, holder), true, `hold for ${holder}`);
    await files.read(id, 0, 10, "batch_a");
    await remove(files, id);
    let store = files;
    for (const opened of [files, await reopen?.()]) {
      store = opened ?? store;
      assertEqual(await store.retrieve(id), null, "retrieve once it is deleted");
      assert(isNotFound(await assertRejects(store.read(id, 0, 10), "read")), "read of a deleted file");
      assertEqual(await store.retrieve(id, "batch_c"), null, "retrieve of one who does not hold it");
      assertEqual(await store.hold?.(id, "batch_c"), false, "hold of a deleted file");
      assertEqual(await store.hold?.(id, "batch_a"), true, "hold by one who holds it");
      assertEqual((await store.retrieve(id, "batch_a"))?.bytes, 70_000, "bytes for a holder");
      assertBytes(await store.read(id, 10, 99_999, "batch_b"), whole.slice(10), "read for a holder");
    }
    await store.release?.(id, "batch_a");
    await store.release?.(id, "batch_a");
    assertEqual(await store.retrieve(id, "batch_a"), null, "retrieve of one who has released it");
    assertBytes(await store.read(id, 0, 99_999, "batch_b"), whole, "read for the other");
    await store.release?.(id, "batch_b");
    assert(isNotFound(await assertRejects(store.read(id, 0, 10, "batch_b"), "read")), "read by no one");
    assertEqual(await store.retrieve(id, "batch_b"), null, "retrieve once all have released it");
  },

  "keeps a file that was held, and one that is made again under its id": async (files, { remove }) => {
    const { hold, release } = files;
    if (!hold || !release || !remove) return;
    await write(files, [patternBytes(100, 1)], { ...NAMED, id: ID });
    await hold.call(files, ID, "batch_a");
    await release.call(files, ID, "batch_a");
    await release.call(files, ID, "batch_never");
    assertBytes(await files.read(ID, 0, 999), patternBytes(100, 1), "read after its release");
    await hold.call(files, ID, "batch_a");
    await remove(files, ID);
    await write(files, [patternBytes(200, 2)], { ...NAMED, id: ID });
    assertBytes(await files.read(ID, 0, 999), patternBytes(200, 2), "read of the new one");
    await release.call(files, ID, "batch_a");
    assertBytes(await files.read(ID, 0, 999), patternBytes(200, 2), "read once the old one is released");
  },
};
