/** Reads all files once: the results into the table, then the input, whose requests are joined to them. */
import { FirstLine } from "../../../core/first-line.ts";
import { nextTask } from "../../reader/check.ts";
import { isGzip, open, SourceError } from "../../reader/source.ts";
import { openSpill } from "../../spill.ts";
import { type ChosenFile, firstError, kind, type Role, type Summary } from "../protocol.ts";
import { LineCutter, MOST_LINE } from "./line-cutter.ts";
import { MOST_FILES, placeOf } from "./lines.ts";
import { finishOf, objectOf, parsed, reasonOf, textOf, tokensOf } from "./record.ts";
import { ResultTable } from "./table.ts";
import { ErrorTally, UsageTally } from "./tally.ts";

const TELL_MS = 100;

/** A file that is read. */
interface OpenFile extends ChosenFile {
  role: Role;
  /** Until all of it was read: then it lies unpacked elsewhere. */
  packed: boolean;
}

export class ResultFiles {
  readonly files: OpenFile[] = [];
  readonly table = new ResultTable();
  readonly errors = new ErrorTally();
  readonly #usage = new UsageTally();
  readonly #decoder = new TextDecoder();
  #strangeRequests: number | null = null;

  get hasInput(): boolean {
    return this.#strangeRequests !== null;
  }

  /** Whether a line of any file can be fetched. */
  get isReadable(): boolean {
    return !this.files.some(({ packed }) => packed);
  }

  /** @throws SourceError for a file that holds neither results nor requests, or cannot be read */
  async read(chosen: ChosenFile[], tell: (read: number) => void): Promise<void> {
    if (chosen.length > MOST_FILES) throw new SourceError(`At most ${MOST_FILES} files can be open at once.`);
    for (const file of chosen) {
      this.files.push({ ...file, role: await roleOf(file), packed: await isGzip(file.blob) });
    }
    // Only when all results are known is it known which request has none.
    this.files.sort((a, b) => Number(a.role === "input") - Number(b.role === "input"));
    let before = 0;
    for (const [number, file] of this.files.entries()) {
      const { size } = file.blob;
      if (file.role === "input" && !this.hasInput) {
        this.#strangeRequests = 0;
        this.table.expectRequests();
      }
      const take = file.role === "input" ? this.#request : this.#result;
      await eachLine(
        file,
        (text, offset) => take.call(this, text, placeOf(number, offset)),
        this.#decoder,
        (read) => tell(before + read),
      );
      before += size;
    }
  }

  /** Takes more lines of the results file. It is the first file of a batch that runs. */
  async append(lines: Blob): Promise<void> {
    const file = this.files[0] as OpenFile;
    const { size } = file.blob;
    const cutter = new LineCutter((line, offset) =>
      this.#result(this.#decoder.decode(line), placeOf(0, size + offset)),
    );
    const bytes = new Uint8Array(await lines.arrayBuffer());
    file.blob = new Blob([file.blob, lines]);
    cutter.push(bytes);
    cutter.finish();
  }

  summary(): Summary {
    const { kindCounts, count } = this.table;
    const usage = this.#usage.usage();
    return {
      rows: count,
      answered: kindCounts[kind.answered] ?? 0,
      replaced: kindCounts[kind.replaced] ?? 0,
      missing: kindCounts[kind.missing] ?? 0,
      unreadable: kindCounts[kind.unreadable] ?? 0,
      failed: kindCounts.slice(firstError).reduce((sum, times) => sum + times, 0),
      strangeRequests: this.#strangeRequests,
      errors: this.errors.groups(kindCounts),
      usage,
      files: this.files.map(({ name, blob, role }) => ({ name, bytes: blob.size, role })),
    };
  }

  #result(text: string, place: number): void {
    const line = parsed(text);
    const id = line?.custom_id;
    if (!line || typeof id !== "string") {
      this.table.add(place, kind.unreadable);
      return;
    }
    const reason = reasonOf(line);
    const body = objectOf(objectOf(line.response)?.body);
    const tokens = tokensOf(body);
    if (body && (tokens || !reason)) this.#usage.add(textOf(body.model), tokens, finishOf(body));
    const of = reason ? this.errors.kindOf(reason) : kind.answered;
    const before = this.table.find(id);
    if (before >= 0 && this.table.kinds[before] === kind.missing) {
      this.table.fulfil(before, place, of);
      return;
    }
    // Of several results of one request an answer counts, and else the last.
    const isBeaten = reason !== null && before >= 0 && this.table.kinds[before] === kind.answered;
    const row = this.table.add(place, isBeaten ? kind.replaced : of);
    if (isBeaten) return;
    if (before >= 0) this.table.become(before, kind.replaced);
    this.table.name(row, id);
  }

  #request(text: string, place: number): void {
    const id = parsed(text)?.custom_id;
    if (typeof id === "string") this.table.join(id, place);
    else this.#strangeRequests = (this.#strangeRequests ?? 0) + 1;
  }
}

/** Gives all lines of a file, and sees to it that it can be read anywhere afterwards. */
async function eachLine(
  file: OpenFile,
  take: (text: string, offset: number) => void,
  decoder: TextDecoder,
  tell: (read: number) => void,
): Promise<void> {
  const spill = file.packed ? await openSpill() : null;
  const source = await open(file.blob);
  const cutter = new LineCutter((line, offset) => take(decoder.decode(line), offset));
  try {
    let told = performance.now();
    for (let piece = await source.read(); piece; piece = await source.read()) {
      cutter.push(piece);
      await spill?.write(piece);
      if (performance.now() - told < TELL_MS) continue;
      told = performance.now();
      tell(source.consumed);
      await nextTask();
    }
    cutter.finish();
    if (spill) file.blob = await spill.finish();
    file.packed = false;
  } catch (error) {
    await spill?.discard();
    throw error;
  } finally {
    source.close();
  }
}

/** What a file holds, by its first line. */
async function roleOf({ name, blob }: ChosenFile): Promise<Role> {
  const source = await open(blob);
  const first = new FirstLine(MOST_LINE);
  try {
    for (let piece = await source.read(); piece && first.push(piece); ) piece = await source.read();
  } finally {
    source.close();
  }
  const line = parsed(new TextDecoder().decode(first.line()));
  if (line && ("response" in line || "error" in line) && "custom_id" in line) return "results";
  if (line && "body" in line) return "input";
  // Servers make an error file even where there were no errors.
  if (blob.size === 0) return "results";
  throw new SourceError(
    `${name} is no output, error or input file of a batch: its first line should be a JSON object with custom_id, and with response or body.`,
  );
}
