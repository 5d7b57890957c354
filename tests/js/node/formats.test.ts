/** Guards state of older builds: it is brought forward once, whatever crash comes between, and that of newer ones stays as it is. */

import { strict as assert } from "node:assert";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { FormatStep } from "../../../js/node/serve/formats.ts";
import { openStateFolder } from "../../../js/node/serve/state-folder.ts";
import { folder } from "../cli/command.ts";

const formatOf = (path: string) => readFile(join(path, "format"), "utf8");

/** A folder as a build left it that knew no step. */
async function older(): Promise<string> {
  const path = folder();
  (await openStateFolder(path)).close();
  await writeFile(join(path, "names"), "alice,bob");
  return path;
}

/** From names by commas to one a line: harmless when it is done twice. */
const toLines: FormatStep = async (path) => {
  const text = await readFile(join(path, "names"), "utf8");
  await writeFile(join(path, "names"), text.replaceAll(",", "\n"), { flush: true });
};
const toLoud: FormatStep = async (path) => {
  const text = await readFile(join(path, "names"), "utf8");
  await writeFile(join(path, "names"), text.toUpperCase(), { flush: true });
};

test("a folder of an older format is brought forward step by step, once", async () => {
  const path = await older();
  assert.equal(await formatOf(path), "1\n");
  const taken: number[] = [];
  const steps = [toLines, toLoud].map((step, index) => async (at: string) => {
    taken.push(index);
    await step(at);
  });
  for (let start = 0; start < 2; start++) (await openStateFolder(path, steps)).close();
  assert.deepEqual(taken, [0, 1]);
  assert.equal(await readFile(join(path, "names"), "utf8"), "ALICE\nBOB");
  assert.equal(await formatOf(path), "3\n");
  // A folder that is new has nothing to follow.
  (await openStateFolder(folder(), steps)).close();
  assert.deepEqual(taken, [0, 1]);
});

test("a step that was cut off is done again, and those before it are not", async () => {
  const path = await older();
  let [first, second] = [0, 0];
  const steps: FormatStep[] = [
    async (at) => {
      first += 1;
      await toLines(at);
    },
    async (at) => {
      second += 1;
      await toLoud(at);
      if (second === 1) throw new Error("the disk is full");
    },
  ];
  await assert.rejects(
    openStateFolder(path, steps),
    /cannot be brought from format 2 to 3, .*: the disk is full$/,
  );
  assert.equal(await formatOf(path), "2\n");
  (await openStateFolder(path, steps)).close();
  assert.deepEqual([first, second], [1, 2]);
  assert.equal(await readFile(join(path, "names"), "utf8"), "ALICE\nBOB");
});

test("no step is taken while another process has the folder, nor in a folder of a newer format", async () => {
  const path = await older();
  let taken = 0;
  const steps: FormatStep[] = [
    async () => {
      taken += 1;
    },
  ];
  const holder = await openStateFolder(path);
  await assert.rejects(openStateFolder(path, steps), /is in use by/);
  holder.close();
  await writeFile(join(path, "format"), "7\n");
  const before = await readdir(path);
  await assert.rejects(
    openStateFolder(path, steps),
    /its format is 7, and this build knows formats up to 2\./,
  );
  assert.deepEqual([taken, await readdir(path)], [0, before]);
});
