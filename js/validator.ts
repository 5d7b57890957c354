/** Checks a batch file as it streams by: in a page before an upload, in a server during one. */
import { core, isApiErrorFields, type Report } from "./core.ts";
import { apiError } from "./errors.ts";
import { random64 } from "./random.ts";
import { coreSettings, type ValidationOptions } from "./settings.ts";

/** Options of {@link Validator}. */
export interface ValidatorOptions extends ValidationOptions {
  /** The endpoint the file is to run on, such as `/v1/chat/completions`. */
  endpoint: string;
}

/**
 * Push the file's bytes in chunks of any size, then finish. Finds every error of the file, in line order, in
 * memory that does not grow with it; chunk boundaries never matter. Whether models exist is not checked here.
 */
export class Validator {
  readonly #validator: InstanceType<ReturnType<typeof core>["Validator"]>;
  #report: Report | undefined;

  constructor(options: ValidatorOptions) {
    const { endpoint, ...settings } = options;
    try {
      this.#validator = new (core().Validator)(endpoint, coreSettings(settings), random64(), random64());
    } catch (thrown) {
      throw isApiErrorFields(thrown) ? apiError(thrown) : thrown;
    }
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
      this.#validator.free();
    }
    return this.#report;
  }

  /** Checks a whole stream of bytes. */
  static async validate(
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options: ValidatorOptions,
  ): Promise<Report> {
    const validator = new Validator(options);
    for await (const chunk of chunks) validator.push(chunk);
    return validator.finish();
  }
}
