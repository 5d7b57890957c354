/**
 * Who may call a model server now.
 *
 * Work of batches has what interactive calls leave of a server's `concurrency`. Where interactive calls come first, which
 * is the rule, they go at once, always: what they take, batches wait for. Batches never starve wholly: where interactive calls
 * take everything, one request of theirs at a time is still sent, and they start no more than one a second. Where
 * interactive calls do not come first, they wait in the queue like a batch of their tenant.
 */

import { FairQueue, type Waiting } from "./queue.ts";
import type { Call, ServerState } from "./server-state.ts";
import { givesSign } from "./sign.ts";
import type { CallKind, Clock } from "./types.ts";

/** How long a request waits for its place before it goes back to where it came from. */
export const WAIT_MS = 2_000;
/** How often a request of a batch begins where interactive calls leave no room. */
const TRICKLE_MS = 1_000;

/** Servers that answer the same models. */
export type Pool = readonly ServerState[];

/** What is to be sent. */
export interface Wish extends Waiting {
  readonly kind: CallKind;
  readonly pool: Pool;
}

/** A place that was taken: the call begins. */
export interface Taken {
  readonly state: ServerState;
  readonly call: Call;
}

interface Waiter extends Wish {
  serve(taken: Taken): void;
  leave(reason: unknown): void;
}

/** Rejects what waited too long. Nothing was sent: it is no try, and is asked for again. */
export class NotSentError extends Error {
  override name = "NotSentError";
}

export class Gate {
  readonly #states: readonly ServerState[];
  readonly #interactiveFirst: boolean;
  readonly #clock: Clock;
  readonly #queue = new FairQueue<Waiter>();
  /** Requests that waited too long, so far. */
  notSent = 0;
  #isClosed = false;
  #stopTimer: (() => void) | undefined;

  constructor(states: readonly ServerState[], interactiveFirst: boolean, clock: Clock) {
    this.#states = states;
    this.#interactiveFirst = interactiveFirst;
    this.#clock = clock;
  }

  /**
   * Takes a place, and waits for one if need be. Rejects with {@link NotSentError} after `waitMs`, and with the signal's reason
   * when that aborts.
   */
  enter(wish: Wish, signal: AbortSignal, waitMs = WAIT_MS): Promise<Taken> {
    if (this.#isClosed && wish.kind === "batch") return Promise.reject(notSent());
    const state = this.#queue.size === 0 ? this.#roomFor(wish.pool) : undefined;
    if (state !== undefined) return Promise.resolve(this.#take(state, wish.kind));
    return new Promise((resolve, reject) => {
      const end = () => {
        stop();
        signal.removeEventListener("abort", abort);
        for (const each of wish.pool) each.waitsLess();
      };
      const waiter: Waiter = {
        ...wish,
        serve(taken) {
          end();
          resolve(taken);
        },
        leave: (reason) => {
          if (!this.#queue.remove(waiter)) return;
          end();
          reject(reason);
        },
      };
      const abort = () => waiter.leave(signal.reason);
      const stop = this.#clock.after(waitMs, () => {
        this.notSent += 1;
        waiter.leave(notSent());
      });
      signal.addEventListener("abort", abort, { once: true });
      for (const each of wish.pool) each.waitsMore();
      this.#queue.add(waiter);
      // Those who wait already may wait for other servers.
      this.pump();
    });
  }

  /** Sends nothing more of batches. What waits is handed back. */
  close(): void {
    this.#isClosed = true;
    for (const waiter of this.#queue.all()) if (waiter.kind === "batch") waiter.leave(notSent());
  }

  #take(state: ServerState, kind: CallKind): Taken {
    return { state, call: state.begin(kind, this.#clock.now()) };
  }

  /** A place for an interactive call, at once. It is no probe where a batch's request may be one. */
  interactive(pool: Pool, mayProbe: boolean): Taken {
    const well = pool.filter(({ health }) => !health.isLeftOut);
    const open = mayProbe ? this.#open(pool) : well;
    const state = leastLoaded(open.length > 0 ? open : this.#open(pool)) ?? (pool[0] as ServerState);
    return this.#take(state, "interactive");
  }

  /** Serves those who wait, as far as there is room: some place has become free. */
  pump(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    while (this.#queue.size > 0) {
      let state: ServerState | undefined;
      const next = this.#queue.take(({ pool }) => {
        state = this.#roomFor(pool);
        return state !== undefined;
      });
      if (!next || !state) break;
      next.serve(this.#take(state, next.kind));
    }
    if (this.#queue.size > 0) this.#lookAgain();
  }

  /** Requests of batches that a pool takes at once. */
  capacity(pool: Pool): number {
    const room = ({ places, inFlight }: ServerState) => Math.max(places.reach(inFlight.interactive), 0);
    const well = pool.filter(({ health }) => !health.isLeftOut);
    const asked = well.length > 0 ? well : this.#open(pool);
    return Math.max(
      asked.reduce((sum, state) => sum + room(state), 0),
      1,
    );
  }

  /** The least loaded server that takes a request of a batch now. */
  #roomFor(pool: Pool): ServerState | undefined {
    return leastLoaded(this.#open(pool).filter((state) => this.#hasRoom(state)));
  }

  /** Servers that are not left out; where all are, the one that is to be back first, so that its trouble is seen. */
  #open(pool: Pool): Pool {
    const now = this.#clock.now();
    for (const state of pool) if (state.health.isDue(now)) void this.#askForSign(state);
    const open = pool.filter(({ health }) => health.isOpen);
    if (open.length > 0 || pool.length === 0) return open;
    return [pool.reduce((first, other) => (other.health.until < first.health.until ? other : first))];
  }

  /** Asks a server that was left out whether it is there: a request that it does not answer would slow its batch down. */
  async #askForSign(state: ServerState): Promise<void> {
    const isThere = await givesSign(state.server, this.#clock);
    state.health.gaveSign(isThere, this.#clock.now());
    this.pump();
  }

  #hasRoom({ places, inFlight, lastBatchAt }: ServerState): boolean {
    if (inFlight.batch < places.room(inFlight.interactive)) return true;
    if (!this.#interactiveFirst || !places.isCrowded(inFlight.interactive)) return false;
    return inFlight.batch === 0 && this.#clock.now() - lastBatchAt >= TRICKLE_MS;
  }

  /** When a server may be probed, or lets one through again: no call that ends says so. */
  #lookAgain(): void {
    const now = this.#clock.now();
    const times = this.#states.flatMap(({ health, lastBatchAt }) => [health.until, lastBatchAt + TRICKLE_MS]);
    const next = Math.min(...times.filter((time) => time > now));
    if (next === Number.POSITIVE_INFINITY) return;
    this.#stopTimer = this.#clock.after(Math.ceil(next - now), () => this.pump());
  }
}

function notSent(): NotSentError {
  return new NotSentError("The model server had no room for it yet.");
}

/** A server that is to be probed has nothing to do, and goes first. */
function leastLoaded(states: Pool): ServerState | undefined {
  let least: ServerState | undefined;
  for (const state of states) if (least === undefined || state.load < least.load) least = state;
  return least;
}
