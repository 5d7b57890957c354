/** Places for new batches in a tenant's queue, where its quotas bound that. */

import type { Quotas } from "../ports.ts";
import type { FileIndex } from "./file-index.ts";
import type { Queue } from "./queue.ts";
import { boundsQueue, checkQueue } from "./quotas.ts";

export class QueuePlaces {
  readonly #quotas: Quotas;
  readonly #queue: Queue;
  readonly #files: FileIndex;
  /** The last batch that is being created. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(quotas: Quotas, queue: Queue, files: FileIndex) {
    this.#quotas = quotas;
    this.#queue = queue;
    this.#files = files;
  }

  /** Creates a batch if there is room for it; one after the other, as all that come together would see the same room. */
  take<T>(create: () => Promise<T>): Promise<T> {
    if (!boundsQueue(this.#quotas)) return create();
    const queued = {
      unfinished: (limit: number) => this.#queue.unfinished(limit),
      requestsLeft: async () => this.#queue.requestsLeft((await this.#files.total()).held_lines ?? 0),
    };
    const created = this.#last.then(() => checkQueue(this.#quotas, queued)).then(create);
    this.#last = created.catch(() => undefined);
    return created;
  }
}
