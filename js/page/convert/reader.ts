/** Says what a file is that is no batch file, and makes one of it; nothing is held whole. */
import { concat, release } from "../../core/bytes.ts";
import { Convert, type Converted, type ConvertOptions, sniff, sniffBytes } from "../../core/convert.ts";
import { ApiError } from "../../core/errors.ts";
import { open, words } from "../reader/source.ts";
import { eachPiece, type Reading } from "../reader/write-lines.ts";
import { openSpill } from "../spill.ts";
import type { FromConvert, Preview, ToConvert } from "./protocol.ts";

/** Bytes of which the first lines are made. */
const PREVIEW_BYTES = 64 * 1024;
const PREVIEW_LINES = 3;
const LINE_CHARS = 2_000;

/** What a file is, with the columns of one that can be converted. Null for a batch file. */
export async function lookAt(file: Blob): Promise<(FromConvert & { type: "other" }) | null> {
  const found = sniff((await beginning(file, sniffBytes)).bytes);
  if (found === null) return null;
  const columns = found.remedy === "convert" ? await columnsOf(file) : [];
  return { type: "other", found, columns };
}

let asked = 0;

/** Does what the page asks for. */
export async function answer(file: Blob, ask: ToConvert, post: (said: FromConvert) => void): Promise<void> {
  const current = ++asked;
  const stopped = () => current !== asked;
  try {
    if (ask.type === "preview") {
      const preview = await previewOf(file, ask.options);
      if (!stopped()) post({ type: "preview", preview, version: ask.version });
      return;
    }
    const job = { file, stopped, progress: (read: number) => post({ type: "writing", read }) };
    const written = await write(job, ask.options);
    if (written) post({ type: "written", ...written });
  } catch (error) {
    post({ type: "failed", message: error instanceof ApiError ? error.message : words(error) });
  }
}

async function columnsOf(file: Blob): Promise<string[]> {
  const { bytes, isWhole } = await beginning(file, PREVIEW_BYTES);
  // Whatever the columns are, this is a line.
  const convert = new Convert({ model: "m", prompt: "{#}", customId: "" });
  try {
    convert.push(bytes);
    if (isWhole) convert.finish();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
  const { columns } = convert.report();
  convert.free();
  return columns;
}

async function previewOf(file: Blob, options: ConvertOptions): Promise<Preview> {
  const { bytes, isWhole } = await beginning(file, PREVIEW_BYTES);
  let convert: Convert | undefined;
  try {
    convert = new Convert(options);
    const made = [convert.push(bytes), isWhole ? convert.finish() : new Uint8Array()];
    const lines = new TextDecoder().decode(concat(made)).split("\n", PREVIEW_LINES).filter(Boolean);
    const cut = (line: string) => (line.length > LINE_CHARS ? `${line.slice(0, LINE_CHARS)}…` : line);
    return { lines: lines.map(cut), errors: convert.report().errors.slice(0, PREVIEW_LINES), refused: null };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { lines: [], errors: [], refused: { param: error.param, message: error.message } };
  } finally {
    convert?.free();
  }
}

/** The batch file. Null when stopped. */
async function write(job: Reading, options: ConvertOptions): Promise<{ blob: Blob; made: Converted } | null> {
  const convert = new Convert(options);
  const spill = await openSpill();
  try {
    const done = await eachPiece(job, async (piece) => {
      const bytes = convert.push(piece);
      await spill.write(bytes);
      release(bytes);
    });
    if (done) {
      await spill.write(convert.finish());
      return { blob: await spill.finish(), made: convert.report() };
    }
    await spill.discard();
    return null;
  } catch (error) {
    await spill.discard();
    throw error;
  } finally {
    convert.free();
  }
}

/** The first bytes of a file, unpacked, and whether they are all of it. */
async function beginning(file: Blob, most: number): Promise<{ bytes: Uint8Array; isWhole: boolean }> {
  const source = await open(file);
  try {
    const parts: Uint8Array[] = [];
    let left = most;
    for (let piece = await source.read(); piece; piece = await source.read()) {
      if (piece.length > left) return { bytes: concat([...parts, piece.subarray(0, left)]), isWhole: false };
      parts.push(piece.slice());
      left -= piece.length;
    }
    return { bytes: concat(parts), isWhole: true };
  } finally {
    source.close();
  }
}
