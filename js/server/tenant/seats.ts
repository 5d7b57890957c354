/** Which of a tenant's batches run: the queue's memory. What it means for the others is the core's to say. */

import type { KV } from "../../core/types.ts";
import { SEATS } from "../keys.ts";
import type { Seat } from "../ports.ts";
import { type Change, change, decoded, entries } from "./change.ts";

/** Failed calls in a row, over this time, after which a Runner is replaced: three rounds of the Tenant. */
const LOST_CALLS = 3;
const LOST_MS = 85_000;
/** Turns of one generation's Runner: more than there can be, and far within what a number holds. */
const TURNS = 2 ** 32;

/** What is stored of a seat. */
export interface SeatRecord extends Seat {
  /** Until when the batch rests; null while it runs. */
  wake_at: number | null;
  /** It rests as it is paused, and not over a fault. Earlier builds do not say. */
  paused?: boolean;
  /** Calls to the Runner that failed since the last one that did not, and when the first of them did. */
  lost_calls: number;
  lost_since: number | null;
}

const FRESH: SeatRecord = { generation: 0, turn: 0, wake_at: null, lost_calls: 0, lost_since: null };

export class Seats {
  readonly #kv: KV;

  constructor(kv: KV) {
    this.#kv = kv;
  }

  /** The batches that run, and those that rest and until when. By id, which is by age. */
  async all(): Promise<{ running: string[]; resting: [id: string, wakeAt: number][] }> {
    const [running, resting] = [[] as string[], [] as [string, number][]];
    for await (const [key, value] of entries(this.#kv, SEATS)) {
      const { wake_at } = decoded<SeatRecord>(value);
      const id = key.slice(SEATS.length);
      if (wake_at === null) running.push(id);
      else resting.push([id, wake_at]);
    }
    return { running, resting };
  }

  /** A batch is to run. */
  take(id: string): Promise<void> {
    return change(this.#kv, async (c) => {
      c.set(SEATS + id, {
        ...((await seatOf(c, id)) ?? FRESH),
        wake_at: null,
        paused: false,
      } satisfies SeatRecord);
    });
  }

  /** Batches that rest as they are, or were, paused; or may be. */
  async paused(): Promise<string[]> {
    const found = [];
    for await (const [key, value] of entries(this.#kv, SEATS)) {
      const { wake_at, paused } = decoded<SeatRecord>(value);
      if (wake_at && paused !== false) found.push(key.slice(SEATS.length));
    }
    return found;
  }

  /** A batch leaves its slot to others until a time. */
  async rest(c: Change, id: string, wakeAt: number, paused: boolean): Promise<void> {
    const seat = await seatOf(c, id);
    if (seat) c.set(SEATS + id, { ...seat, wake_at: wakeAt, paused } satisfies SeatRecord);
  }

  /** A batch that rests need rest no longer. */
  async rested(c: Change, id: string): Promise<void> {
    const seat = await seatOf(c, id);
    if (seat && seat.wake_at !== null) c.set(SEATS + id, { ...seat, wake_at: 0 } satisfies SeatRecord);
  }

  /** A batch has ended. */
  leave(c: Change, id: string): void {
    c.delete(SEATS + id);
  }

  async seat(id: string): Promise<Seat> {
    const value = await this.#kv.get(SEATS + id);
    const { generation, turn } = value ? decoded<SeatRecord>(value) : FRESH;
    return { generation, turn };
  }

  /** The newest turn of a batch that runs; null where it does not. */
  async runs(id: string): Promise<number | null> {
    const value = await this.#kv.get(SEATS + id);
    const seat = value && decoded<SeatRecord>(value);
    return seat && seat.wake_at === null ? seat.turn : null;
  }

  /** A call to the batch's Runner came through. */
  reached(id: string): Promise<void> {
    return change(this.#kv, async (c) => {
      const seat = await seatOf(c, id);
      if (!seat || seat.lost_calls === 0) return;
      c.set(SEATS + id, { ...seat, lost_calls: 0, lost_since: null } satisfies SeatRecord);
    });
  }

  /** A call to the batch's Runner failed. Whether it has now failed so often, and for so long, that it is lost. */
  missed(id: string, now: number): Promise<boolean> {
    return change(this.#kv, async (c) => {
      const seat = await seatOf(c, id);
      if (!seat) return false;
      const [lost_calls, lost_since] = [seat.lost_calls + 1, seat.lost_since ?? now];
      c.set(SEATS + id, { ...seat, lost_calls, lost_since } satisfies SeatRecord);
      return lost_calls >= LOST_CALLS && now - lost_since >= LOST_MS;
    });
  }

  /** Gives a batch a fresh Runner. Its turns are above all of the old one's, which so may write no more. */
  replace(id: string): Promise<Seat> {
    return change(this.#kv, async (c) => {
      const seat = await seatOf(c, id);
      const generation = (seat?.generation ?? 0) + 1;
      const next = { ...FRESH, generation, turn: generation * TURNS } satisfies SeatRecord;
      if (seat) c.set(SEATS + id, next);
      return { generation: next.generation, turn: next.turn };
    });
  }

  /**
   * Whether this is the newest turn of a running batch, to the tenant's knowledge. An older one may write no more: what is
   * changed with this is changed only as long as that holds.
   */
  async isNewest(c: Change, id: string, turn: number): Promise<boolean> {
    const seat = await seatOf(c, id);
    if (!seat) return true;
    if (seat.turn < turn) c.set(SEATS + id, { ...seat, turn } satisfies SeatRecord);
    return seat.turn <= turn;
  }
}

function seatOf(c: Change, id: string): Promise<SeatRecord | null> {
  return c.get<SeatRecord>(SEATS + id);
}
