/** Max-min fair shares: whoever wants less than an equal part gets what it wants, and leaves the rest to the others. */

/**
 * Whole shares of `capacity` for these demands, in their order. Together they are all of the capacity, or all that is
 * demanded if that is less. Of two that get less than they demand neither has more than one above the other; the odd ones
 * go to those that come first.
 */
export function fill(capacity: number, demands: readonly number[]): number[] {
  const level = waterLevel(capacity, demands);
  const shares = demands.map((demand) => Math.min(demand, Math.floor(level)));
  let left = capacity - shares.reduce((sum, share) => sum + share, 0);
  return shares.map((share, i) => {
    if (left < 1 || share >= (demands[i] as number)) return share;
    left -= 1;
    return share + 1;
  });
}

/** What each gets at most; what all demand if they can have it. */
export function waterLevel(capacity: number, demands: readonly number[]): number {
  const sorted = demands.toSorted((a, b) => a - b);
  let left = capacity;
  for (const [i, demand] of sorted.entries()) {
    const part = left / (sorted.length - i);
    if (demand >= part) return part;
    left -= demand;
  }
  return Number.POSITIVE_INFINITY;
}

/**
 * What each could have if it wanted as much as it can get while the others want what they do: how many calls it may have in
 * flight, whether or not it has so many now. One that is at the water level gets no more than that.
 */
export class Levels {
  readonly #capacity: number;
  readonly #level: number;
  readonly #sorted: number[];
  /** Sums of the demands before each, and of all. */
  readonly #before = [0];

  constructor(capacity: number, demands: readonly number[]) {
    this.#capacity = capacity;
    this.#level = waterLevel(capacity, demands);
    this.#sorted = demands.toSorted((a, b) => a - b);
    let sum = 0;
    for (const demand of this.#sorted) {
      sum += demand;
      this.#before.push(sum);
    }
  }

  /** For one whose demand is this. */
  of(demand: number): number {
    if (demand >= this.#level) return this.#level;
    const sorted = this.#sorted;
    // How many have what they want, this one among them, as the others stay below the level it can reach.
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const i = (low + high) >> 1;
      const next = sorted[i] as number;
      if (next > demand && this.#reached(i, demand) <= next) high = i;
      else low = i + 1;
    }
    return this.#reached(low, demand);
  }

  #reached(satisfied: number, demand: number): number {
    const left = this.#capacity - (this.#before[satisfied] as number) + demand;
    return left / (this.#sorted.length - satisfied + 1);
  }
}
