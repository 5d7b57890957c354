/** R2, as far as a batch's run uses it: the input is made as it is read, of outputs nothing is kept but what is counted. */

import type { Bucket } from "../../../js/worker/env.ts";
import type { Faults } from "./faults.ts";
import type { Life } from "./life.ts";
import type { Meter } from "./meter.ts";
import type { Chance } from "./random.ts";

/** What an operation takes, and a megabyte of it. */
const OPERATION_MS = 30;
const MEGABYTE_MS = 10;

export interface Input {
  key: string;
  bytes: number;
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
}

export interface BucketOptions {
  chance: Chance;
  meter: Meter;
  faults: Faults;
  input: Input;
  /** An object is there, as it was looked through. */
  stored: (key: string, object: Scan) => void;
}

/** Looks through lines as they are written, in their order, and keeps none: whether they are those of the input, in its order. */
export class Scan {
  lines = 0;
  bytes = 0;
  /** The number of the first line, in the input. */
  first = 0;
  /** Lines came in the order of the input so far, and none was left out. */
  inOrder = true;
  #rest = Buffer.alloc(0);

  add(part: Uint8Array): void {
    this.bytes += part.length;
    const text = Buffer.concat([this.#rest, part]);
    let from = 0;
    for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10, from)) {
      const id = text.indexOf('"custom_id":"', from);
      const number = Number(text.toString("latin1", id + 13, id + 21));
      if (this.lines === 0) this.first = number;
      this.inOrder &&= number === this.first + this.lines;
      this.lines++;
      from = end + 1;
    }
    this.#rest = Buffer.from(text.subarray(from));
  }
}

export class Bucketful {
  readonly #options: BucketOptions;
  /** Uploads that are under way. */
  readonly #uploads = new Map<string, Scan>();
  readonly #sizes = new Map<string, number>();

  constructor(options: BucketOptions) {
    this.#options = options;
  }

  /** The bucket as one object's code sees it. */
  for(life: Life): Bucket {
    const { meter, chance, faults, input, stored } = this.#options;
    const { usage } = meter;
    const operation = <T>(bytes: number, work: () => T): Promise<T> =>
      life.connect(() => {
        const slow = chance.happens(faults.slowR2) ? faults.slowMs : 0;
        const fails = chance.happens(faults.failedR2);
        return life.later(OPERATION_MS + (bytes / 1e6) * MEGABYTE_MS + slow, () => {
          if (fails) throw new Error("R2: We encountered an internal error. Please try again. (10001)");
          return work();
        });
      });
    const head = async (key: string) => {
      usage.r2Reads++;
      return operation(0, () => {
        const size = key === input.key ? input.bytes : this.#sizes.get(key);
        return size === undefined ? null : { size };
      });
    };
    const upload = (key: string, uploadId: string) => ({
      uploadId,
      uploadPart: async (partNumber: number, value: Uint8Array) => {
        usage.r2Writes++;
        // Its buffer is used again.
        this.#uploads.get(uploadId)?.add(value);
        return operation(value.length, () => ({ partNumber, etag: "etag" }));
      },
      complete: async () => {
        usage.r2Writes++;
        return operation(0, () => {
          const found = this.#uploads.get(uploadId);
          if (found) store(key, found);
          this.#uploads.delete(uploadId);
        });
      },
      abort: async () => {
        this.#uploads.delete(uploadId);
      },
    });
    const store = (key: string, object: Scan) => {
      this.#sizes.set(key, object.bytes);
      stored(key, object);
    };
    return {
      head,
      get: async (key, options) => {
        usage.r2Reads++;
        const size = key === input.key ? input.bytes : this.#sizes.get(key);
        if (size === undefined) return operation(0, () => null);
        const { offset = 0, length = size } = options?.range ?? {};
        if (offset >= size) throw new Error("R2: The requested range is not satisfiable (10039)");
        const bytes = Math.min(length, size - offset);
        const read = async () =>
          key === input.key ? input.read(offset, bytes).buffer : new ArrayBuffer(bytes);
        return operation(bytes, () => ({ size, body: new ReadableStream(), arrayBuffer: read }));
      },
      put: async (key, value) => {
        usage.r2Writes++;
        const object = new Scan();
        object.add(value);
        return operation(value.length, () => store(key, object));
      },
      delete: async (keys) =>
        operation(0, () => {
          for (const key of [keys].flat()) this.#sizes.delete(key);
        }),
      createMultipartUpload: async (key) => {
        usage.r2Writes++;
        return operation(0, () => {
          const uploadId = `upload-${usage.r2Writes}`;
          this.#uploads.set(uploadId, new Scan());
          return upload(key, uploadId);
        });
      },
      resumeMultipartUpload: (key, uploadId) => upload(key, uploadId),
    };
  }
}
