/** Mends a batch file as it streams by: what is wrong with it in one way only. */
import { random64 } from "./random.ts";
import { translated } from "./wasm.ts";

/** What can be mended in a file: `src/repair/mod.rs` says what each is. */
export type Cure = "encoding" | "lines" | "json" | "stream" | "method" | "url" | "ids" | "duplicates";

/** What is to be mended, and how. */
export interface RepairOptions {
  /** The endpoint that the file is for. Default: the one that its first request means. */
  endpoint?: string | undefined;
  /** The cures to use. Default: all. What is no text in UTF-8 with a request a line is made so in any case. */
  only?: Cure[] | undefined;
  /** Bytes of the longest line that is looked at. Default 8 MiB. */
  maxLineBytes?: number | undefined;
}

/** What was mended. */
export interface Repaired {
  /** The endpoint that the file is for. */
  endpoint: string;
  /** The cures that were needed, in their order. */
  cures: Cured[];
}

/** How often a cure was needed. */
export interface Cured {
  cure: Cure;
  /** Lines that needed it; of an encoding, once for the file besides. */
  count: number;
  /** The first three of these, with what stands around. */
  examples: { line: number; before: string; after: string }[];
}

/** What mends files: no part of the library's wasm. */
export type RepairCore = Pick<typeof import("../wasm/validator.js"), "Repair">;

let loaded: RepairCore | undefined;

/** Called by whoever has loaded a wasm that mends files. */
export function setRepairCore(core: RepairCore): void {
  loaded = core;
}

/** Push the file's bytes in chunks of any size, then finish: each gives bytes of the new file. */
export class Repair {
  readonly #repair: InstanceType<RepairCore["Repair"]>;

  /** @throws InvalidRequestError that names the option at fault. */
  constructor(options: RepairOptions = {}) {
    const core = loaded;
    if (!core) throw new Error("edgebatch: this build of the core does not repair files");
    this.#repair = translated(() => new core.Repair(options, random64(), random64()));
  }

  /** The next bytes of the file. Gives what the new file goes on with. */
  push(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#repair.push(chunk) as Uint8Array<ArrayBuffer>;
  }

  /** The file is at its end. Gives what the new file ends with. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#repair.finish() as Uint8Array<ArrayBuffer>;
  }

  /** What was mended so far. */
  report(): Repaired {
    return this.#repair.report();
  }

  /** Frees what it holds in the core's memory; nothing else may be called after. */
  free(): void {
    this.#repair.free();
  }
}
