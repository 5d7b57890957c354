/**
 * How the places of one model server, its slots, are parted among the processes that use it. All of them read one record, and each
 * works out the same parts from it; each changes its own entry alone, and removes those of the dead.
 *
 * What holds whatever they do: nobody raises what it holds but to what the others leave of the limit. So together they never hold
 * more than there is, and whoever is to have more waits until somebody has given it back.
 */

import { fill } from "./fill.ts";

/** One process that uses the server. The order in a record is that in which odd slots are given. */
export interface Holder {
  readonly id: string;
  /** Another with every write of its process: who sees the same one for long takes the process for dead. */
  readonly beat: number;
  /** Slots that it uses. */
  readonly held: number;
  /** Slots that it would use; more than it can get where it takes whatever there is. */
  readonly wants: number;
  /** Calls of it that wait for nobody, and come first. */
  readonly first: number;
}

/** What a process says of itself. */
export interface Own extends Omit<Holder, "held"> {
  /** Slots that it cannot give back before a call ends. */
  readonly used: number;
  /** Whether it has had the odd slot for long enough. */
  readonly isTurnOver: boolean;
}

/** Slots that a process is to have. */
export interface Part {
  /** For batches, and for what waits in line with them. */
  batches: number;
  /** For calls that come first. */
  first: number;
}

export interface Step {
  holders: Holder[];
  /** What this process is to have. */
  part: Part;
  /** What it holds. */
  held: number;
  /** Whether it has one more than another that would have more. */
  isOdd: boolean;
  /** Whether another has less than it wants. */
  othersWant: boolean;
}

/**
 * Slots that each is to have: at first those for calls that come first, as far as they go; of the rest equal parts, where whoever
 * wants less leaves it to the others. One is left to batches in any case.
 */
export function parts(limit: number, holders: readonly Holder[]): Part[] {
  const ofBatches = fill(left(limit, holders), holders.map(wants));
  const first = fill(
    limit - sum(ofBatches),
    holders.map(({ first }) => first),
  );
  return ofBatches.map((batches, i) => ({ batches, first: first[i] as number }));
}

/** What calls that come first leave to batches. */
function left(limit: number, holders: readonly Holder[]): number {
  return Math.max(limit - sum(holders.map(({ first }) => first)), 1);
}

/** Whether calls that come first leave nothing. */
export function isCrowded(limit: number, holders: readonly Holder[]): boolean {
  return sum(holders.map(({ first }) => first)) >= limit;
}

/** What a process would have if it took whatever there is. */
export function reach(limit: number, holders: readonly Holder[], id: string): number {
  const own = holders.find((holder) => holder.id === id) ?? { id, beat: 0, held: 0, wants: 0, first: 0 };
  const all = holders.includes(own) ? holders : [...holders, own];
  const greedy = { ...own, wants: limit };
  const i = all.indexOf(own);
  return whole(parts(limit, all.with(i, greedy))[i] as Part);
}

/** A process says what it would have, gives back what it is not to have, and takes what is free of what it is to have. */
export function step(limit: number, before: readonly Holder[], own: Own): Step {
  const { id, beat, used, isTurnOver } = own;
  const found = before.findIndex((holder) => holder.id === id);
  const had = before[found]?.held ?? 0;
  const said = { id, beat, held: had, wants: own.wants, first: own.first };
  let holders = found < 0 ? [...before, said] : before.with(found, said);
  let i = holders.indexOf(said);
  if (isTurnOver && hasOdd(limit, holders, i)) {
    holders = [...holders.toSpliced(i, 1), said];
    i = holders.length - 1;
  }
  const part = parts(limit, holders)[i] as Part;
  const most = whole(part);
  const others = sum(holders.map(({ held }) => held)) - had;
  const held =
    had < most ? Math.max(had, Math.min(most, limit - others)) : Math.max(most, Math.min(had, used));
  holders = holders.with(i, { ...said, held });
  const isOdd = hasOdd(limit, holders, i);
  const othersWant = holders.some((holder, at) => at !== i && holder.held < holder.wants);
  const isGone = held === 0 && said.wants === 0 && said.first === 0;
  return { holders: isGone ? holders.toSpliced(i, 1) : holders, part, held, isOdd, othersWant };
}

function hasOdd(limit: number, holders: readonly Holder[], i: number): boolean {
  const shares = fill(left(limit, holders), holders.map(wants));
  const own = shares[i] as number;
  return shares.some((share, at) => share < own && share < wants(holders[at] as Holder));
}

/** All slots of a part. */
export function whole({ batches, first }: Part): number {
  return batches + first;
}

function wants(holder: Holder): number {
  return holder.wants;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}

/** A record as it is stored. */
export function encodeHolders(holders: readonly Holder[]): Uint8Array {
  const rows = holders.map(({ id, beat, held, wants, first }) => [id, beat, held, wants, first]);
  return new TextEncoder().encode(JSON.stringify(rows));
}

/** What is stored, if it can be understood: nobody else writes it. */
export function decodeHolders(record: Uint8Array | null): Holder[] {
  if (record === null) return [];
  try {
    const rows: unknown = JSON.parse(new TextDecoder().decode(record));
    return Array.isArray(rows) ? rows.flatMap(holderOf) : [];
  } catch {
    return [];
  }
}

function holderOf(row: unknown): Holder[] {
  if (!Array.isArray(row)) return [];
  const [id, ...numbers] = row as unknown[];
  const [beat, held, wants, first] = numbers;
  const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (typeof id !== "string" || !isWhole(beat) || !isWhole(held) || !isWhole(wants) || !isWhole(first))
    return [];
  return [{ id, beat, held, wants, first }];
}
