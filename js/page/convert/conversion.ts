/** A file that is no batch file: what it is, and what is made of it. */
import { signal } from "@preact/signals";
import type { Converted, ConvertOptions, Sniffed } from "../../core/convert.ts";
import type { FromConvert, Preview, ToConvert } from "./protocol.ts";

export class Conversion {
  readonly other = signal<{ found: Sniffed; columns: string[] } | null>(null);
  readonly preview = signal<Preview | null>(null);
  /** Bytes read of a file that is being converted. */
  readonly writing = signal<number | null>(null);
  readonly failure = signal("");
  readonly #tell: (ask: ToConvert) => void;
  readonly #made: (blob: Blob, made: Converted) => void;
  #version = 0;

  constructor(tell: (ask: ToConvert) => void, made: (blob: Blob, made: Converted) => void) {
    this.#tell = tell;
    this.#made = made;
  }

  show(options: ConvertOptions): void {
    this.#tell({ type: "preview", options, version: ++this.#version });
  }

  start(options: ConvertOptions): void {
    this.failure.value = "";
    this.writing.value = 0;
    this.#tell({ type: "write", options });
  }

  hear(said: FromConvert): void {
    if (said.type === "other") this.other.value = said;
    else if (said.type === "preview") {
      if (said.version === this.#version) this.preview.value = said.preview;
    } else if (said.type === "writing") this.writing.value = said.read;
    else {
      this.writing.value = null;
      if (said.type === "failed") this.failure.value = said.message;
      else this.#made(said.blob, said.made);
    }
  }
}

/** What a file is, in a sentence. */
export const sentence = ({ is }: Sniffed) => `This file is ${is}, not a batch file.`;
