/** Pages of results, shared by all who are at the same place: a thousand who follow one batch cost what one does. */

import type { Batches } from "../../core/batches.ts";
import { isTerminal } from "../../core/rules.ts";
import type { BatchResults, BatchResultsParams, KV } from "../../core/types.ts";
import { WATCH } from "../keys.ts";
import type { Runs } from "../ports.ts";
import type { Seats } from "./seats.ts";

/** How long a page is given to others who ask for the same. */
const SHARED_MS = 200;
/** Pages that are kept for so long. */
const MOST_SHARED = 32;

export class ResultPages {
  readonly #kv: KV;
  readonly #batches: Pick<Batches, "results" | "retrieve">;
  readonly #runs: Runs;
  readonly #seats: Seats;
  readonly #shared = new Map<string, { page: Promise<BatchResults>; at: number }>();

  constructor(kv: KV, batches: Pick<Batches, "results" | "retrieve">, runs: Runs, seats: Seats) {
    this.#kv = kv;
    this.#batches = batches;
    this.#runs = runs;
    this.#seats = seats;
  }

  get(id: string, params: BatchResultsParams): Promise<BatchResults> {
    const key = JSON.stringify([id, params.after, params.limit]);
    const now = Date.now();
    for (const [old, { at }] of this.#shared) {
      if (Math.abs(now - at) < SHARED_MS && this.#shared.size < MOST_SHARED) break;
      this.#shared.delete(old);
    }
    const shared = this.#shared.get(key);
    if (shared) return shared.page;
    const page = this.#read(id, params);
    this.#shared.set(key, { page, at: now });
    page.catch(() => this.#shared.delete(key));
    return page;
  }

  async #read(id: string, params: BatchResultsParams): Promise<BatchResults> {
    const { results } = this.#runs;
    if (!results || isTerminal[(await this.#batches.retrieve(id)).status]) {
      return this.#batches.results(id, params);
    }
    // What only the run reads is elsewhere; that somebody follows the batch is said here.
    if ((await this.#kv.get(WATCH + id)) === null) await this.#batches.results(id);
    return results.call(this.#runs, id, await this.#seats.seat(id), params);
  }
}
