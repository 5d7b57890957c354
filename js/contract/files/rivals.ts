/** Two that write a file under one id: an owner that was stopped for a while, and the one that has taken over. */

import type { Files } from "../../core/types.ts";
import { assert, assertBytes, assertEqual, patternBytes } from "../assert.ts";
import { type FilesChecks, ID, NAMED, write } from "./subject.ts";

// More than one part for stores that upload in parts, and of unequal length, so that a mixture is found.
const OLDER = patternBytes(9 * 1024 * 1024, 1);
const NEWER = patternBytes(10 * 1024 * 1024, 2);
const HALF = 4 * 1024 * 1024;

export const rivalTests: FilesChecks = {
  "keeps what a newer writer of an id has completed while an older one goes on, and when that aborts": async (
    files,
    { open },
  ) => {
    const other = (await open?.()) ?? files;
    const older = await files.create({ ...NAMED, id: ID });
    await older.write(OLDER.subarray(0, HALF));
    await write(other, [NEWER.subarray(0, HALF), NEWER.subarray(HALF)], { ...NAMED, id: ID });
    await assertHolds([files, other], NEWER, "once the newer is complete");
    await older.write(OLDER.subarray(HALF));
    await assertHolds([files, other], NEWER, "while the older goes on");
    await older.abort();
    await assertHolds([files, other], NEWER, "after the older was aborted");
  },

  "holds one of the two whole when the older writer of an id completes after the newer": async (
    files,
    { open },
  ) => {
    const other = (await open?.()) ?? files;
    const older = await files.create({ ...NAMED, id: ID });
    await older.write(OLDER.subarray(0, HALF));
    await write(other, [NEWER], { ...NAMED, id: ID });
    await older.write(OLDER.subarray(HALF));
    const isKept = await older.complete().then(
      () => true,
      () => false,
    );
    await assertHolds([files, other], isKept ? OLDER : NEWER, "after both");
  },

  "holds a newer file whole whose older writer has completed under its hands": async (files, { open }) => {
    const other = (await open?.()) ?? files;
    const older = await files.create({ ...NAMED, id: ID });
    await older.write(OLDER);
    const newer = await other.create({ ...NAMED, id: ID });
    await newer.write(NEWER.subarray(0, HALF));
    await older.complete();
    await assertHolds([files, other], OLDER, "once the older is complete");
    await newer.write(NEWER.subarray(HALF));
    await assertHolds([files, other], OLDER, "while the newer goes on");
    await newer.complete();
    await assertHolds([files, other], NEWER, "once the newer is complete");
  },

  "holds one of two whole, whoever completes, aborts or reads at the same time": async (files, { open }) => {
    const other = (await open?.()) ?? files;
    const versions = [patternBytes(3000, 1), patternBytes(5000, 2)] as const;
    await write(files, [versions[0]], { ...NAMED, id: ID });
    for (let round = 0; round < 25; round++) {
      const writers = [
        await files.create({ ...NAMED, id: ID }),
        await other.create({ ...NAMED, id: ID }),
      ] as const;
      for (const [i, writer] of writers.entries()) await writer.write(versions[i] as Uint8Array);
      const reads = Array.from({ length: 4 }, (_, i) => (i % 2 === 0 ? files : other).read(ID, 0, 9_999));
      const ends = writers.map((writer, i) => (round % 3 === i ? writer.abort() : writer.complete()));
      await Promise.allSettled(ends);
      for (const bytes of await Promise.all(reads))
        assertIsOneOf(bytes, versions, `a read of round ${round}`);
      const left = await other.read(ID, 0, 9_999);
      assertIsOneOf(left, versions, `round ${round}`);
      assertEqual((await files.retrieve(ID))?.bytes, left.length, `bytes of round ${round}`);
    }
  },
};

async function assertHolds(stores: Files[], whole: Uint8Array, what: string): Promise<void> {
  for (const files of stores) {
    assertEqual((await files.retrieve(ID))?.bytes, whole.length, `bytes ${what}`);
    assertBytes(await files.read(ID, 0, whole.length + 1), whole, `read ${what}`);
  }
}

function assertIsOneOf(bytes: Uint8Array, versions: readonly Uint8Array[], what: string): void {
  const isOne = versions.some(
    (whole) => whole.length === bytes.length && whole.every((byte, i) => byte === bytes[i]),
  );
  assert(isOne, `${what}: ${bytes.length} bytes of neither file alone`);
}
