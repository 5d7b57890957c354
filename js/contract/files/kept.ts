/** Files that are kept while they are written. */

import { assert, assertBytes, assertEqual, assertRejects, patternBytes } from "../assert.ts";
import { type FilesChecks, ID, isNotFound, NAMED } from "./subject.ts";

export const keptTests: FilesChecks = {
  "goes on with a file as it was kept, in another process and as often as it is kept": async (
    files,
    { reopen },
  ) => {
    if (!files.resume) return;
    assert(Number(files.keepBytes) > 0, "keepBytes of a store with resume");
    const parts = [patternBytes(70_000, 1), patternBytes(10, 2), patternBytes(3_000, 3)];
    const options = { ...NAMED, id: ID };
    let writer = await files.create(options);
    let kept = "";
    let store = files;
    for (const part of parts) {
      await writer.write(part);
      assert(writer.keep !== undefined, "keep of a writer");
      kept = await writer.keep();
      assertEqual(typeof kept, "string", "what keep gives");
      await writer.write(patternBytes(500, 9));
      assertEqual(await store.retrieve(ID), null, "retrieve of a file that is kept");
      store = (await reopen?.()) ?? store;
      if (store.resume) writer = await store.resume(options, kept);
    }
    await writer.write(patternBytes(7, 4));
    const { bytes } = await writer.complete();
    const whole = [...parts, patternBytes(7, 4)];
    assertEqual(bytes, 73_017, "bytes");
    const read = await store.read(ID, 0, 100_000);
    assertBytes(read, new Uint8Array(whole.flatMap((part) => [...part])), "what is read");
  },

  "says so when what was kept is not there": async (files) => {
    if (!files.resume) return;
    const options = { ...NAMED, id: ID };
    const writer = await files.create(options);
    await writer.write(patternBytes(1_000));
    const kept = (await writer.keep?.()) ?? "";
    const other = kept.replaceAll(ID, "file-00000000000000000000000000000000");
    if (other === kept) return;
    const error = await assertRejects(files.resume({ ...options }, other), "resume");
    assert(isNotFound(error), `resume rejected with ${String(error)}`);
  },
};
