/** Checks a batch file as it streams by: in a page before an upload, in a server during one. */

import { checkNames, type NamesOf, namesFrom } from "./options.ts";
import { random64 } from "./random.ts";
import type { Report, ReportError, Statistics } from "./reports.ts";
import { defaults } from "./rules.ts";
import type { ValidatorOptions } from "./settings.ts";
import { translated, type ValidatorCore, validatorCore } from "./wasm.ts";

const { dialect, limits, singleModel } = namesFrom(defaults);
const names: NamesOf<ValidatorOptions> = {
  ...{ dialect, limits, singleModel, endpoint: true, statistics: true, goodLines: true },
};

/** The least bytes of a line that counts in a class of {@link Statistics.sizes}. */
export function sizeFrom(sizeClass: number): number {
  if (sizeClass < 8) return Math.min(sizeClass, 4);
  return 2 ** Math.floor(sizeClass / 4) * (1 + (sizeClass % 4) / 4);
}

/**
 * Push the file's bytes in chunks of any size, then finish. Finds every error of the file, in line order, in
 * memory that does not grow with it; chunk boundaries never matter. Whether models exist is not checked here.
 */
export class Validator {
  readonly #validator: InstanceType<ValidatorCore["Validator"]>;
  #report: Report | undefined;
  #statistics: Statistics | null = null;
  #goodLines: Float64Array = new Float64Array();

  /** @throws InvalidRequestError that names the option at fault. */
  constructor(options: ValidatorOptions) {
    checkNames(options, names, "Validator");
    this.#validator = translated(() => new (validatorCore().Validator)(options, random64(), random64()));
  }

  /** The next bytes of the file. */
  push(chunk: Uint8Array): void {
    if (this.#report)
      throw new Error("edgebatch: the validator has finished; make a new one for the next file");
    this.#validator.push(chunk);
  }

  /** What was found so far; the last line may still be open. */
  report(): Report {
    return this.#report ?? this.#validator.report();
  }

  /** The file is at its end. What was found in it; calling again gives the same. */
  finish(): Report {
    if (!this.#report) {
      this.#report = this.#validator.finish();
      this.#statistics = this.#validator.statistics();
      this.#goodLines = this.#validator.takeGoodLines();
      this.#validator.free();
    }
    return this.#report;
  }

  /**
   * Takes the errors found since the last call, in line order: for a caller that shows or stores them while the
   * file is read. A report repeats only those that were not taken. Of all errors, `maxErrors` are kept or taken.
   */
  takeErrors(): ReportError[] {
    return this.#report ? this.#report.errors.splice(0) : this.#validator.takeErrors(0xffff_ffff);
  }

  /** What the file is like so far; null unless `statistics` were asked for. */
  statistics(): Statistics | null {
    return this.#report ? this.#statistics : this.#validator.statistics();
  }

  /**
   * Where the good lines are that ended since the last call: start and end of each, line end included, in bytes
   * from the beginning of the file. Empty unless `goodLines` were asked for.
   */
  takeGoodLines(): Float64Array {
    if (!this.#report) return this.#validator.takeGoodLines();
    const rest = this.#goodLines;
    this.#goodLines = new Float64Array();
    return rest;
  }

  /** Frees what an unfinished validator holds in the core's memory; nothing else may be called after. */
  free(): void {
    if (!this.#report) this.#validator.free();
  }

  /** Checks a whole stream of bytes. */
  static async validate(
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array> | ReadableStream<Uint8Array>,
    options: ValidatorOptions,
  ): Promise<Report> {
    const validator = new Validator(options);
    // Not every browser lets a stream be walked through.
    if ("getReader" in chunks) {
      const reader = chunks.getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read())
        validator.push(piece.value);
    } else for await (const chunk of chunks) validator.push(chunk);
    return validator.finish();
  }
}
