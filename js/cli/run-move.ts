/** `edgebatch export` and `import` of what `edgebatch run` has under way. */

import { open, rename, rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Files, FileWriter, Inference } from "../core/types.ts";
import { anyModel, Batches, DiskFiles, ResourceNotFoundError } from "../entry/node.ts";
import { type ExportOptions, fromFile, opensInTime, pourOut } from "./client/move.ts";
import { InputFile, identify, isPacked } from "./input-file.ts";
import { inTheWay, place } from "./place.ts";
import { limits, openDatabase, withInput } from "./session.ts";
import { defaultFolder, type Job, State } from "./state.ts";
import { CannotRun, exit, messageOf, print, say } from "./terminal.ts";

/** Which run. */
export interface RunPlace {
  /** The input of `edgebatch run`. */
  run: string;
  state?: string;
}

/** Nothing is asked for while a batch moves. */
const none: Inference = { infer: () => Promise.reject(new Error("unreachable")) };

const folderOf = ({ run, state }: RunPlace) => resolve(state ?? defaultFolder(resolve(run)));

/** Gives the exit status. @throws CannotRun */
export async function exportRun(which: RunPlace, options: Omit<ExportOptions, "patience">): Promise<number> {
  const folder = folderOf(which);
  const missing = () => new CannotRun(`there is no unfinished run of ${which.run} (${folder})`);
  if (!(await stat(folder).catch(() => null))) throw missing();
  const state = await State.open(folder);
  try {
    const job = await state.job();
    if (job?.moved) throw new CannotRun(`${which.run} was moved to another host already`);
    if (job?.batch === undefined || job.finished !== undefined) throw missing();
    return await exported(which, { ...job, batch: job.batch }, state, options);
  } finally {
    state.release();
  }
}

async function exported(
  { run }: RunPlace,
  job: Job & { batch: string },
  state: State,
  { settled, takeBack, out, force }: Omit<ExportOptions, "patience">,
): Promise<number> {
  const needsInput = settled === undefined && !takeBack;
  const input = needsInput
    ? await InputFile.open((await isPacked(run)) ? state.unpacked : resolve(run), run, job.input)
    : null;
  const kv = openDatabase(state);
  const files = withInput(new DiskFiles(state.files), job, async (offset, length) => {
    if (input === null) throw new ResourceNotFoundError("The input is not looked at.", {});
    return input.read(offset, length);
  });
  try {
    const batches = new Batches({
      ...{ kv, files, inference: none, models: anyModel, limits, endpoints: [job.endpoint] },
      ...{ autostart: false, soleOwner: true },
    });
    if (settled !== undefined) {
      await batches.settleExport(job.batch, settled);
      kv.close();
      const { name, url, endpoint } = job;
      await state.clear();
      await state.saveJob({ name, input: job.input, url, endpoint, moved: true });
      say(`${run} is the other host's: nothing of it is left here`);
      return exit.good;
    }
    if (takeBack) {
      if (!force)
        throw new CannotRun(
          `if another host has imported ${run}, both would run it: --take-back --force says that none has`,
        );
      await batches.abortExport(job.batch, { force: true });
      say(`${run} goes on here: the same edgebatch run resumes it`);
      return exit.good;
    }
    const stream = await opensInTime(() => batches.exportBatch(job.batch));
    await pourOut(stream, out, force === true);
    say(`${run} is fenced: nothing of it runs here until another host has it. Then, with the fence that`);
    say(`edgebatch import prints: edgebatch export --run ${run} --settled FENCE`);
    return exit.good;
  } catch (error) {
    throw told(error);
  } finally {
    kv.close();
    await input?.close();
  }
}

/** Gives the exit status. @throws CannotRun */
export async function importRun(file: string, which: RunPlace, json: boolean): Promise<number> {
  const input = resolve(which.run);
  const state = await State.open(folderOf(which));
  let isKept = false;
  try {
    const found = await state.job();
    const isThere = (await stat(input).catch(() => null)) !== null;
    // An import that was cut off before the input had its name is done again.
    const isCutOff = found?.imported !== undefined && found.url === null && !isThere;
    isKept = found !== null && !isCutOff;
    if (isKept)
      throw new CannotRun(
        `an unfinished run of ${found?.name} is in ${state.folder}; --state FOLDER names another`,
      );
    if (isThere) throw inTheWay(input);
    await state.clear();
    const kv = openDatabase(state);
    const copy = new InputIn(state);
    try {
      const service = { kv, files: copy, inference: none, models: anyModel, limits, autostart: false };
      const { batch, fence, ...rest } = await new Batches({ ...service, soleOwner: true }).importBatch(
        fromFile(file),
      );
      kv.close();
      const identity = await identify(state.unpacked, null, () => {});
      const { endpoint, id } = batch;
      const budget = batch.edgebatch?.budget;
      const job: Job = {
        ...{ name: which.run, input: identity, url: null, endpoint, batch: id },
        ...{ imported: copy.id, answered: true },
        ...(budget && { budget }),
      };
      await state.saveJob(job);
      isKept = true;
      await place(state.unpacked, input, false);
      await rm(state.unpacked);
      if (json) await print(`${JSON.stringify({ ...rest, fence, batch })}\n`);
      else {
        await print(`${id}\n`);
        say(`it goes on by: edgebatch run ${which.run} --url …`);
        say(`to let its source know: edgebatch export ${id} --settled ${fence} --url …`);
      }
      return exit.good;
    } catch (error) {
      throw told(error);
    } finally {
      kv.close();
    }
  } finally {
    if (isKept) state.release();
    else await state.remove();
  }
}

/** Where the input of a batch that comes is written: in the state folder, until it is whole. */
class InputIn implements Files {
  id = "";
  readonly #state: State;

  constructor(state: State) {
    this.#state = state;
  }

  async retrieve() {
    return null;
  }

  async read(): Promise<Uint8Array> {
    throw new ResourceNotFoundError("There is no such file.", {});
  }

  async create({ filename, purpose, id = "file-input" }: { filename: string; purpose: string; id?: string }) {
    this.id = id;
    const path = `${this.#state.unpacked}.new`;
    const handle = await open(path, "w");
    let bytes = 0;
    const writer: FileWriter = {
      async write(part) {
        await handle.writeFile(part);
        bytes += part.length;
      },
      complete: async () => {
        await handle.sync();
        await handle.close();
        await rename(path, this.#state.unpacked);
        return { id, object: "file", bytes, created_at: 0, filename, purpose };
      },
      async abort() {
        await handle.close().catch(() => {});
        await rm(path, { force: true });
      },
    };
    return writer;
  }
}

/** What the library refuses, as the command says it. */
function told(error: unknown): unknown {
  const isRefusal = typeof (error as { status?: unknown })?.status === "number";
  return isRefusal ? new CannotRun(messageOf(error)) : error;
}
