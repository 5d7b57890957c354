/** How many calls this process may have in flight at a model server. */

/** The places of one server. */
export interface Places {
  /** Requests of batches, or whatever has to wait for a place, that there is room for beside so many interactive calls. */
  room(interactive: number): number;
  /** The same, if all that this process could have were asked for. */
  reach(interactive: number): number;
  /** Whether interactive calls leave nothing: a request of a batch is to be let through now and then. */
  isCrowded(interactive: number): boolean;
  /** More is wanted, or in flight, than before. */
  rose(): void;
  /** A call is over. */
  fell(): void;
  /** For one call of a batch: its signal, which aborts as well when its place is lost. */
  guard(signal: AbortSignal): Guard;
  /** What is leased, and what would be; undefined where all places are this process's. */
  stats(): SlotStats | undefined;
}

/** The signal of one call. */
export interface Guard {
  readonly signal: AbortSignal;
  /** Whether the place was lost, and so the call given up. */
  readonly isLost: boolean;
  /** The call is over. */
  end(): void;
}

/** Slots that all processes share. */
export interface SlotStats {
  held: number;
  wanted: number;
}

/** All of a server's places, where no other process uses it. */
export class OwnPlaces implements Places {
  readonly #concurrency: number;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  room(interactive: number): number {
    return this.#concurrency - interactive;
  }

  reach(interactive: number): number {
    return this.room(interactive);
  }

  isCrowded(interactive: number): boolean {
    return interactive >= this.#concurrency;
  }

  rose(): void {}

  fell(): void {}

  guard(signal: AbortSignal): Guard {
    return { signal, isLost: false, end() {} };
  }

  stats(): undefined {
    return undefined;
  }
}
