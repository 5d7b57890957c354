/** Moving a batch to another host: the stream that it goes by, and what becomes of its input where it comes to. */

import { sameBytes } from "./bytes.ts";
import { InvalidRequestError } from "./errors.ts";
import { checkType } from "./options.ts";
import type { Files, FileWriter } from "./types.ts";
import { type CoreHost, guarded, type Importer, type Kept, type Service } from "./wasm.ts";

/** Bytes of a stream that are taken at once, and of a file that are compared or copied at once. */
const PIECE_BYTES = 1 << 20;

/** The moves of one service's batches. */
export class Moves {
  readonly #host: CoreHost;
  readonly #files: Files;
  readonly #service: Kept<Service>;

  constructor(host: CoreHost, files: Files, service: Kept<Service>) {
    this.#host = host;
    this.#files = files;
    this.#service = service;
  }

  async export(id: string): Promise<ReadableStream<Uint8Array>> {
    const [inputFileId, exporter] = await this.#call((service) => service.fence(this.#host, id));
    const filename = (await this.#files.retrieve(inputFileId, id))?.filename ?? "";
    return new ReadableStream(
      {
        pull: async (controller) => {
          const piece = await this.#call(() => exporter.next(filename));
          if (piece.length > 0) return controller.enqueue(piece);
          exporter.free();
          controller.close();
        },
        cancel: () => exporter.free(),
      },
      { highWaterMark: 0 },
    );
  }

  /** What is refused leaves nothing behind. */
  async import(stream: AsyncIterable<Uint8Array>): Promise<{ id: string; fence: string }> {
    checkType("stream", stream, "object");
    let input: InputCopy | undefined;
    const importer = await this.#call(async (service) => service.openImport(this.#host));
    const call = <T>(work: (importer: Importer) => Promise<T>) => this.#call(() => work(importer));
    try {
      for await (const piece of pieces(stream)) {
        const [about, bytes] = await call((importer) => importer.push(piece));
        if (about) input = await InputCopy.begin(this.#files, ...about);
        if (bytes.length > 0) await input?.write(bytes);
      }
      await call((importer) => importer.end(undefined, false));
      const fileId = (await input?.complete()) ?? "";
      const [id, fence] = (await call((importer) => importer.end(fileId, false))) as [string, string];
      return { id, fence };
    } catch (error) {
      await Promise.allSettled([input?.abort(), call((importer) => importer.end(undefined, true))]);
      throw error;
    } finally {
      importer.free();
    }
  }

  async sweep(): Promise<void> {
    return this.#call((service) => service.sweepImports(this.#host));
  }

  /** What fails is done by the next start, or the next import. */
  async sweepQuietly(): Promise<void> {
    await this.sweep().catch(() => undefined);
  }

  async settle(id: string, fence: string): Promise<void> {
    checkType("id", id, "string");
    checkType("fence", fence, "string");
    return this.#call((service) => service.settle(this.#host, id, fence));
  }

  async takeBack(id: string, options: unknown): Promise<void> {
    checkType("id", id, "string");
    checkForce(options);
    return this.#call((service) => service.settle(this.#host, id, undefined));
  }

  async #call<T>(call: (service: Service) => Promise<T>): Promise<T> {
    return guarded(call(this.#service.get()));
  }
}

async function* pieces(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of stream)
    for (let at = 0; at < piece.length; at += PIECE_BYTES) yield piece.subarray(at, at + PIECE_BYTES);
}

/**
 * The input of a batch that comes: it keeps its id where that is free. A file of this id and these bytes that is here already is
 * the input, as where an import was cut off, or the batch was here before; any other leaves it to have a fresh id.
 */
class InputCopy {
  readonly #files: Files;
  readonly #about: { id: string; filename: string };
  #writer: FileWriter | undefined;
  /** How much of the file that is here was the same so far. */
  #same = 0;

  private constructor(files: Files, about: { id: string; filename: string }) {
    this.#files = files;
    this.#about = about;
  }

  static async begin(files: Files, id: string, filename: string, bytes: number): Promise<InputCopy> {
    const copy = new InputCopy(files, { id, filename });
    const found = await files.retrieve(id);
    if (found?.bytes !== bytes) copy.#writer = await files.create(copy.#options(found === null));
    return copy;
  }

  #options(isFree: boolean) {
    const { id, filename } = this.#about;
    return { filename, purpose: "batch", ...(isFree && { id }) };
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#writer === undefined) {
      const here = await this.#files.read(this.#about.id, this.#same, bytes.length);
      if (sameBytes(here, bytes)) {
        this.#same += bytes.length;
        return;
      }
      this.#writer = await this.#files.create(this.#options(false));
      for (let at = 0; at < this.#same; at += PIECE_BYTES) {
        const length = Math.min(PIECE_BYTES, this.#same - at);
        await this.#writer.write(await this.#files.read(this.#about.id, at, length));
      }
    }
    await this.#writer.write(bytes);
  }

  /** The id of the file. */
  async complete(): Promise<string> {
    const writer = this.#writer;
    this.#writer = undefined;
    return writer ? (await writer.complete()).id : this.#about.id;
  }

  async abort(): Promise<void> {
    await this.#writer?.abort();
  }
}

/** @throws InvalidRequestError unless it was said that a batch is to run here whatever other hosts do */
function checkForce(options: unknown): void {
  if ((options as { force?: unknown } | undefined)?.force === true) return;
  throw new InvalidRequestError(
    "A batch that another host has imported would run on both: 'force' must be true to take it back.",
    { param: "force", code: "missing_required_parameter" },
  );
}
