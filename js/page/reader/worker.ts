/**
 * The thread that reads files. Its own content security policy forbids it every request: whatever a file holds, it
 * cannot leave by here. It listens from its first moment, so no message is lost while the core is still loading.
 */

import type { Cure } from "../../core/repair.ts";
import type { BatchError } from "../../core/types.ts";
import type { ToConvert } from "../convert/protocol.ts";
import * as conversion from "../convert/reader.ts";
import type { ForResults } from "../results/protocol.ts";
import { hear } from "../results/reader/hear.ts";
import { check, endpointOf, validatorOptions } from "./check.ts";
import { loadCore } from "./core.ts";
import { findLine } from "./find-line.ts";
import { layOut } from "./layout.ts";
import { LineIndex } from "./line-index.ts";
import type { CheckSettings, FromReader, ToReader } from "./protocol.ts";
import * as repairs from "./repair.ts";
import { words } from "./source.ts";
import { writeAll, writeGoodLines, writeParts } from "./write-lines.ts";

const post = (message: FromReader) => postMessage(message);

/** The file of this thread: each has one. */
interface Job {
  file: Blob;
  settings: CheckSettings;
  endpoint: string;
  index: LineIndex;
  requests: number;
}

let job: Job | null = null;
let checkStopped = false;
let lineAsked = 0;
let writing = 0;
let repairing = 0;

async function start({ wasm, file, asIs, settings, maxErrors }: ToReader & { type: "check" }): Promise<void> {
  try {
    loadCore(wasm);
    const endpoint = settings.endpoint ?? (await endpointOf(file));
    const current = { file, settings, endpoint, index: new LineIndex(), requests: 0 };
    job = current;
    const other = asIs ? null : await conversion.lookAt(file);
    if (other) {
      post({ type: "convert", said: other });
      if (other.found.remedy !== "fix") return;
    }
    await check(
      file,
      settings,
      endpoint,
      maxErrors,
      current.index,
      (found) => {
        current.requests = found.counts.requestCount;
        post({ type: "progress", ...found });
      },
      () => checkStopped,
    );
    post({ type: "end", cancelled: checkStopped });
  } catch (error) {
    post({ type: "failed", message: words(error) });
  }
}

async function showLine(line: number, error: BatchError | null): Promise<void> {
  const asked = ++lineAsked;
  if (!job) return;
  try {
    const found = await findLine(job.file, job.index, line, () => asked !== lineAsked);
    if (!found || asked !== lineAsked) return;
    const view = layOut(line, found.bytes, found.length, error?.param ?? null);
    post({ type: "line", view });
  } catch (thrown) {
    if (asked === lineAsked) post({ type: "line-failed", line, message: words(thrown) });
  }
}

async function write(what: "good" | "all" | "parts"): Promise<void> {
  const current = ++writing;
  if (!job) return;
  const { file, settings, endpoint, requests } = job;
  const work = {
    file,
    options: validatorOptions(settings, endpoint, 0),
    most: { requests: settings.maxRequests, bytes: settings.maxFileBytes },
    progress: (read: number) => post({ type: "writing", read }),
    stopped: () => current !== writing,
  };
  try {
    const files =
      what === "all"
        ? await writeAll(work, requests)
        : await (what === "good" ? writeGoodLines(work) : writeParts(work));
    if (files && current === writing) post({ type: "written", files });
  } catch (error) {
    if (current === writing) post({ type: "write-failed", message: words(error) });
  }
}

/** Mends the file, or without cures looks what can be mended. A later request replaces this one. */
async function repair(only?: Cure[] | null): Promise<void> {
  const current = ++repairing;
  if (!job) return;
  const { file, settings } = job;
  const writes = only !== undefined;
  const work = {
    file,
    progress: (read: number) => writes && post({ type: "repairing", read }),
    stopped: () => current !== repairing,
  };
  try {
    if (writes) {
      const made = await repairs.write(work, settings.endpoint, only);
      // It may have been stopped while its last bytes were written.
      if (made && current === repairing) post({ type: "repaired", blob: made.blob });
    } else {
      const cures = await repairs.look(work, settings.endpoint);
      if (cures) post({ type: "cures", cures });
    }
  } catch (error) {
    if (current === repairing) post({ type: "repair-failed", message: words(error) });
  }
}

function convert(ask: ToConvert): void {
  if (job) void conversion.answer(job.file, ask, (said) => post({ type: "convert", said }));
}

globalThis.onmessage = ({ data }: MessageEvent<ToReader | ForResults>) => {
  if (data.type === "check") void start(data);
  else if (data.type === "cancel") checkStopped = true;
  else if (data.type === "line") void showLine(data.line, data.error);
  else if (data.type === "write") void write(data.what);
  else if (data.type === "results") hear(data.ask);
  else if (data.type === "convert") convert(data.ask);
  else if (data.type === "look-for-cures") void repair();
  else if (data.type === "repair") void repair(data.only);
  else if (data.type === "stop-repair") repairing++;
  else writing++;
};
