/**
 * The places of a model server that several processes use, as slots that each leases in a store which all of them have: see
 * `slot-rule.ts` for who has how many.
 *
 * Safe by this, whatever dies or stands still: a process uses slots no longer than a lease after it sent the write that renewed
 * them, less a margin; others take its slots once they have seen the same entry for a whole lease. Each goes by its own clock. A
 * write goes by a check of the whole record, and what it gives back is given up before it is sent.
 */

import { SLOTS } from "../keys.ts";
import { logWarning } from "../log.ts";
import type { Guard, Places, SlotStats } from "./places.ts";
import {
  decodeHolders,
  encodeHolders,
  type Holder,
  isCrowded,
  type Part,
  reach,
  type Step,
  step,
  whole,
} from "./slot-rule.ts";
import type { Clock } from "./types.ts";

/** How long an entry stands that is not renewed. */
const LEASE_MS = 10_000;
/** So much earlier its process gives up what it holds, with the calls that are in flight. */
const MARGIN_MS = 1_500;
const RENEW_MS = 2_500;
/** How often a process looks at the record though it heard nothing: without work too, as then it knows who is dead when work comes. */
const LOOK_MS = 1_000;
/** The least time between two looks. */
const GAP_MS = 50;
/** How long what comes together is gathered. */
const GATHER_MS = 5;
/** What was in flight, or waited, within one or two of these is what is wanted. */
const LOOK_BACK_MS = 1_000;
/** How long the odd slot stays with one where others would have it. */
const TURN_MS = 5_000;
/** Who has not looked for so long has seen nobody die: they may be cut off as well, and come back with it. */
const BLIND_MS = 5_000;
/** Looks in a row at a record that another has changed before this one could. */
const TRIES = 5;

/** Where the records are. */
export interface SlotStore {
  get(key: string): Promise<Uint8Array | null>;
  /** Replaces a value if it is still `before`; null is none. `tells` has the others look at once. Whether it was replaced. */
  replace(key: string, before: Uint8Array | null, after: Uint8Array | null, tells: boolean): Promise<boolean>;
  /** Calls back when another has told something. It may be lost. */
  onTold(look: () => void): void;
}

/** What a process does at a server. */
export interface Usage {
  readonly inFlight: { readonly batch: number; readonly interactive: number };
  readonly waiting: number;
  readonly health: { readonly isLeftOut: boolean };
}

export interface LeasedSlotsOptions {
  store: SlotStore;
  /** By which all processes know the server. */
  name: string;
  /** Slots that there are. */
  limit: number;
  interactiveFirst: boolean;
  usage: Usage;
  clock: Clock;
  /** There may be room for more. */
  changed: () => void;
}

/** What is wanted now, or was at most. */
interface Demand {
  wants: number;
  first: number;
}

const NOTHING: Demand = { wants: 0, first: 0 };

export class LeasedSlots implements Places {
  readonly #options: LeasedSlotsOptions;
  readonly #key: string;
  readonly #id = crypto.randomUUID();
  #beat = 0;
  /** The record as it was last seen. */
  #holders: readonly Holder[] = [];
  /** What the store has acknowledged, and until when that holds. */
  #held = 0;
  #until = Number.NEGATIVE_INFINITY;
  #renewedAt = Number.NEGATIVE_INFINITY;
  /** The least that was said in a write of which nobody knows whether it was, or will be, carried out. */
  #ceiling = Number.POSITIVE_INFINITY;
  #isUnknown = false;
  #isLost = false;
  /** What it is to have, and what it could have. */
  #part: Part = { batches: 0, first: 0 };
  #reach: number;
  #oddSince: number | undefined;
  #peak = NOTHING;
  #peakBefore = NOTHING;
  #peakSince = Number.NEGATIVE_INFINITY;
  readonly #seen = new Map<string, { beat: number; at: number }>();
  #seenAt = Number.NEGATIVE_INFINITY;
  readonly #guards = new Set<() => void>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #isLooking = false;
  #lookAt = Number.POSITIVE_INFINITY;
  #stopTimer = () => {};
  #stopLapse = () => {};
  #isClosing = false;
  #isReleased = false;

  constructor(options: LeasedSlotsOptions) {
    this.#options = options;
    this.#key = SLOTS + options.name;
    this.#reach = options.limit;
    options.store.onTold(() => {
      if (this.#own !== undefined) this.#lookIn(0);
    });
    this.#lookIn(0);
  }

  room(interactive: number): number {
    return this.#isFull() ? 0 : this.#usable() - interactive;
  }

  reach(interactive: number): number {
    return this.#isLost ? 0 : this.#reach - interactive;
  }

  isCrowded(interactive: number): boolean {
    const usable = this.#usable();
    return usable > 0 && this.#part.batches > 0 && (interactive >= usable || this.#isFull());
  }

  rose(): void {
    const now = this.#demand();
    this.#peak = higher(this.#peak, now);
    const { wants, first } = this.#own ?? NOTHING;
    if (now.wants > wants || now.first > first) this.#lookIn(GATHER_MS);
  }

  fell(): void {
    if (this.#held > Math.max(whole(this.#part), this.#used)) this.#lookIn(GATHER_MS);
  }

  guard(signal: AbortSignal): Guard {
    const control = new AbortController();
    let isLost = false;
    const abort = () => control.abort(signal.reason);
    const lose = () => {
      isLost = true;
      control.abort();
    };
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    this.#guards.add(lose);
    return {
      signal: control.signal,
      get isLost() {
        return isLost;
      },
      end: () => {
        signal.removeEventListener("abort", abort);
        this.#guards.delete(lose);
      },
    };
  }

  stats(): SlotStats {
    const { limit } = this.#options;
    const { wants, first } = higher(this.#peakBefore, higher(this.#peak, this.#demand()));
    return { held: this.#isValid() ? this.#held : 0, wanted: Math.min(wants + first, limit) };
  }

  /** Wants nothing more: what calls in flight have is given back as they end. */
  close(): void {
    this.#isClosing = true;
    if (this.#own !== undefined) this.#lookIn(0);
  }

  /** Gives everything back: nothing is in flight any more. */
  async release(): Promise<void> {
    this.#isReleased = true;
    this.#stopTimer();
    this.#stopLapse();
    this.#until = Number.NEGATIVE_INFINITY;
    if (this.#own === undefined && !this.#isUnknown) return;
    const { store } = this.#options;
    for (let tries = 0; tries < TRIES; tries++) {
      const record = await store.get(this.#key);
      const others = decodeHolders(record).filter(({ id }) => id !== this.#id);
      if (await store.replace(this.#key, record, recordOf(others), true)) return;
    }
  }

  get #own(): Holder | undefined {
    return this.#holders.find(({ id }) => id === this.#id);
  }

  /** Calls that have slots until they end. */
  get #used(): number {
    const { batch, interactive } = this.#options.usage.inFlight;
    return batch + interactive;
  }

  #demand(): Demand {
    const { usage, interactiveFirst, limit } = this.#options;
    const { inFlight, health } = usage;
    // Of those who wait for a server that is left out one finds out whether it works again.
    const waiting = health.isLeftOut ? Math.min(usage.waiting, 1) : usage.waiting;
    const first = interactiveFirst ? Math.min(inFlight.interactive, limit) : 0;
    const running = interactiveFirst ? inFlight.batch : this.#used;
    if (this.#isClosing) return { wants: Math.min(running, limit), first };
    const wants = running + waiting;
    // Who has all that it may would have more.
    return { wants: wants > 0 && wants >= this.#reach - first ? limit : Math.min(wants, limit), first };
  }

  #isValid(): boolean {
    return this.#options.clock.now() < this.#until;
  }

  #usable(): number {
    return this.#isValid() ? Math.min(this.#held, this.#ceiling, whole(this.#part)) : 0;
  }

  /** Whether calls that come first, of all processes, leave nothing. */
  #isFull(): boolean {
    const { limit, interactiveFirst } = this.#options;
    return interactiveFirst && isCrowded(limit, this.#holders);
  }

  #lookIn(ms: number): void {
    const { clock } = this.#options;
    const now = clock.now();
    const at = Math.max(now + ms, this.#lookedAt + GAP_MS);
    if (this.#isReleased || at >= this.#lookAt) return;
    this.#lookAt = at;
    this.#stopTimer();
    if (!this.#isLooking) this.#stopTimer = clock.after(at - now, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { clock } = this.#options;
    this.#lookAt = Number.POSITIVE_INFINITY;
    this.#isLooking = true;
    let isDone = false;
    try {
      for (let tries = 0; !isDone && tries < TRIES && !this.#isReleased; tries++)
        isDone = await this.#round();
    } catch {
      // The store is away, which is logged by whoever needs it more. What is held ends by itself.
      isDone = true;
    }
    this.#isLooking = false;
    this.#lookedAt = clock.now();
    const next = this.#lookAt - this.#lookedAt;
    this.#lookAt = Number.POSITIVE_INFINITY;
    this.#lookIn(Math.min(isDone ? LOOK_MS : Math.random() * GAP_MS, Math.max(next, 0)));
    this.#options.changed();
  }

  /** One look at the record, and one write if something is to be said. False when another wrote meanwhile. */
  async #round(): Promise<boolean> {
    const { store, limit, clock } = this.#options;
    const record = await store.get(this.#key);
    if (this.#isReleased) return true;
    const now = clock.now();
    const all = decodeHolders(record);
    const alive = this.#alive(all, now);
    const mine = alive.find(({ id }) => id === this.#id);
    // Whoever took this process for dead has its slots.
    if (mine === undefined) this.#held = 0;
    const isDue = now - this.#renewedAt >= RENEW_MS;
    const next = this.#next(alive, mine, isDue, now);
    this.#part = next.part;
    const gives = mine !== undefined && next.held < mine.held;
    const own = next.holders.find(({ id }) => id === this.#id);
    const isTurn = next.holders.at(-1) === own && alive.at(-1) !== mine;
    const isNew = own?.wants !== mine?.wants || own?.first !== mine?.first || own?.held !== mine?.held;
    const isWritten =
      isNew || isTurn || this.#isUnknown || alive.length < all.length || (isDue && mine !== undefined);
    this.#holders = alive;
    if (isWritten) {
      const frees = gives || isTurn || alive.length < all.length || (own?.wants ?? 0) < (mine?.wants ?? 0);
      const tells = next.held < whole(next.part) || (next.othersWant && frees);
      if (!(await this.#write(record, next, tells))) return false;
    }
    const since = isTurn ? now : (this.#oddSince ?? now);
    this.#oddSince = next.isOdd && next.held >= whole(next.part) ? since : undefined;
    this.#reach = reach(limit, this.#holders, this.#id);
    return true;
  }

  /** What this process is to say, now that it has seen the others. */
  #next(alive: readonly Holder[], mine: Holder | undefined, isDue: boolean, now: number): Step {
    const { limit } = this.#options;
    let said: Demand = this.#lookBack(now);
    // That it wants less can wait, if nobody waits for it.
    const othersWait = alive.some((holder) => holder !== mine && holder.held < holder.wants);
    if (mine !== undefined && !isDue && !othersWait) said = higher(said, mine);
    const isTurnOver = this.#oddSince !== undefined && now - this.#oddSince >= TURN_MS;
    const { wants, first } = said;
    return step(limit, alive, {
      ...{ id: this.#id, beat: this.#beat + 1, wants, first, used: this.#used, isTurnOver },
    });
  }

  async #write(before: Uint8Array | null, next: Step, tells: boolean): Promise<boolean> {
    const { store, clock } = this.#options;
    const sentAt = clock.now();
    const wasUnknown = this.#isUnknown;
    this.#beat += 1;
    this.#ceiling = Math.min(this.#ceiling, next.held);
    this.#isUnknown = true;
    if (!(await store.replace(this.#key, before, recordOf(next.holders), tells))) {
      this.#isUnknown = wasUnknown;
      if (!wasUnknown) this.#ceiling = Number.POSITIVE_INFINITY;
      return false;
    }
    // What was sent before can no longer be carried out: its check fails.
    this.#isUnknown = false;
    this.#ceiling = Number.POSITIVE_INFINITY;
    this.#held = next.held;
    this.#holders = next.holders;
    this.#renewedAt = sentAt;
    this.#holdUntil(sentAt + LEASE_MS - MARGIN_MS);
    return true;
  }

  #holdUntil(time: number): void {
    const { clock, name } = this.#options;
    this.#until = time;
    if (this.#isLost && this.#isValid()) {
      this.#isLost = false;
      logWarning("slots.back", { server: name });
    }
    this.#stopLapse();
    if (this.#held === 0) return;
    this.#stopLapse = clock.after(Math.max(time - clock.now(), 0), () => {
      this.#isLost = true;
      logWarning("slots.lost", { server: name, in_flight: this.#guards.size });
      for (const lose of [...this.#guards]) lose();
    });
  }

  /** All but those that have died. */
  #alive(holders: readonly Holder[], now: number): Holder[] {
    if (now - this.#seenAt > BLIND_MS) this.#seen.clear();
    this.#seenAt = now;
    for (const id of [...this.#seen.keys()])
      if (!holders.some((holder) => holder.id === id)) this.#seen.delete(id);
    return holders.filter(({ id, beat }) => {
      if (id === this.#id) return true;
      const seen = this.#seen.get(id);
      if (seen !== undefined && seen.beat === beat) return now - seen.at < LEASE_MS;
      this.#seen.set(id, { beat, at: now });
      return true;
    });
  }

  /** What was wanted at most in the last time. */
  #lookBack(now: number): Demand {
    if (this.#isClosing) return this.#demand();
    this.#peak = higher(this.#peak, this.#demand());
    const found = higher(this.#peakBefore, this.#peak);
    if (now - this.#peakSince >= LOOK_BACK_MS) {
      this.#peakBefore = this.#peak;
      this.#peak = this.#demand();
      this.#peakSince = now;
    }
    return found;
  }
}

function higher(one: Demand, other: Demand): Demand {
  return { wants: Math.max(one.wants, other.wants), first: Math.max(one.first, other.first) };
}

function recordOf(holders: readonly Holder[]): Uint8Array | null {
  return holders.length === 0 ? null : encodeHolders(holders);
}
