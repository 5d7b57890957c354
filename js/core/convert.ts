/** Makes a batch file of a table, of JSON or of plain prompts, as it streams by; cuts files; says what wrong ones are. */
import { fixedLimits } from "./rules.ts";
import { translated } from "./wasm.ts";

/** What a file with rows is: `src/convert/mod.rs` says what each is. */
export type ConvertFrom = "table" | "json" | "text";

/**
 * How rows are made lines. In texts, `{name}` is what a row has in the column of this name, `{#}` its number, and `{{name}}`
 * the text `{name}`.
 */
export interface ConvertOptions {
  /** What the file is. Default: what its first bytes say. */
  from?: ConvertFrom | undefined;
  /** What separates the fields of a table. Default: what seems to. */
  separator?: string | undefined;
  /** The endpoint that the requests are for. Default: `/v1/chat/completions`. */
  endpoint?: string | undefined;
  /** The model that they name, a text. */
  model?: string | undefined;
  /** The prompt: a column, or a text with columns. Default: the column that seems to be it. */
  prompt?: string | undefined;
  /** What the model is told before the prompt, a text. */
  system?: string | undefined;
  /** The `custom_id`: a column, or a text with columns; "" for numbers. Default: the column `custom_id` or `id`, else numbers. */
  customId?: string | undefined;
  /** A body instead of the one made of prompt and system: a JSON object with texts; `"{name:json}"` stands for a value. */
  template?: string | undefined;
  /** Members that bodies have besides: a JSON object, as with `template`. */
  extra?: string | undefined;
  /** Bytes of the longest row. Default 8 MiB. */
  maxLineBytes?: number | undefined;
}

/** What became of a file. */
export interface Converted {
  /** What it was read as; null before that is known. */
  from: ConvertFrom | null;
  /** The columns: of a table, those of its header, of JSON, the members of the first object. */
  columns: string[];
  /** Rows that were read. */
  rows: number;
  /** Rows that were made lines. */
  written: number;
  /** Why the others were not, the first 1,000 of them. */
  errors: { code: string; message: string; param: null; line: number | null }[];
  /** How many these are. */
  errorCount: number;
}

/** A file that is no batch file. */
export interface Sniffed {
  /** What it is, in a word. */
  kind: string;
  /** The same for people, as what follows "This file is". */
  is: string;
  /** What can be done with it, if anything. */
  remedy: "unpack" | "fix" | "convert" | "read" | null;
}

/** A part of a file. */
export interface FilePart {
  requests: number;
  bytes: number;
}

/** Bytes by which a file is told; a shorter beginning is taken for all of it. */
export const sniffBytes = fixedLimits.sniffBytes;

/** What makes files and tells them: no part of the library's wasm. */
export type ConvertCore = Pick<typeof import("../wasm/validator.js"), "Convert" | "Split" | "sniff">;

let loaded: ConvertCore | undefined;

/** Called by whoever has loaded a wasm that makes files. */
export function setConvertCore(core: ConvertCore): void {
  loaded = core;
}

function core(): ConvertCore {
  if (!loaded) throw new Error("edgebatch: this build of the core does not convert files");
  return loaded;
}

/** What a file is, if it is no batch file, by its first {@link sniffBytes}. */
export function sniff(head: Uint8Array): Sniffed | null {
  return core().sniff(head);
}

/** Push the file's bytes in chunks of any size, then finish: each gives lines of the batch file. */
export class Convert {
  readonly #convert: InstanceType<ConvertCore["Convert"]>;

  /** @throws InvalidRequestError that names the option at fault. */
  constructor(options: ConvertOptions) {
    this.#convert = translated(() => new (core().Convert)(options));
  }

  /**
   * The next bytes of the file.
   * @throws InvalidRequestError when the file has no rows, or an option names a column that it has not.
   */
  push(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
    return translated(() => this.#convert.push(chunk)) as Uint8Array<ArrayBuffer>;
  }

  /** The file is at its end. @throws InvalidRequestError as {@link push} does. */
  finish(): Uint8Array<ArrayBuffer> {
    return translated(() => this.#convert.finish()) as Uint8Array<ArrayBuffer>;
  }

  /** What became of the file so far. */
  report(): Converted {
    return this.#convert.report();
  }

  /** Frees what it holds in the core's memory; nothing else may be called after. */
  free(): void {
    this.#convert.free();
  }
}

/** Cuts a file between lines into parts that servers take. */
export class Split {
  readonly #split: InstanceType<ConvertCore["Split"]>;

  /** The most that a part may have. Default: what OpenAI takes. */
  constructor(most: Partial<FilePart> = {}) {
    this.#split = new (core().Split)(most.requests, most.bytes);
  }

  /** The next bytes of the file. Gives those that can be written, cut where a part begins. */
  push(chunk: Uint8Array): Piece[] {
    return pieces(this.#split.push(chunk), this.#split.cuts());
  }

  /** The file is at its end. Gives what is left to write. */
  finish(): Piece[] {
    return pieces(this.#split.finish(), this.#split.cuts());
  }

  /** The parts that are whole. */
  parts(): FilePart[] {
    return this.#split.parts();
  }

  /** Frees what it holds in the core's memory; nothing else may be called after. */
  free(): void {
    this.#split.free();
  }
}

/** Bytes of a part. */
export interface Piece {
  /** Whether they begin it. */
  begins: boolean;
  bytes: Uint8Array;
}

function pieces(bytes: Uint8Array, cuts: Uint32Array): Piece[] {
  const found = [...cuts].map((cut, i) => ({ begins: true, bytes: bytes.subarray(cut, cuts[i + 1]) }));
  const before = bytes.subarray(0, cuts[0]);
  return before.length > 0 ? [{ begins: false, bytes: before }, ...found] : found;
}
