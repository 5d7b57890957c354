/** Rows as they come, of which those at the beginning and those near a mark are kept. */
import type { Row } from "./protocol.ts";

const AT_BEGINNING = 400;
const BEFORE_MARK = 20;
const AFTER_MARK = 60;

interface Numbered {
  number: number;
  row: Row;
}

export class RowWindow {
  /** The number of the row that comes next. */
  next = 0;
  #kept: Numbered[] = [];
  /** The last few rows, while it is open whether a mark follows. */
  #recent: Numbered[] = [];
  #near: Numbered[] = [];
  #marked: Numbered | null = null;

  add(row: Row): void {
    const entry = { number: this.next++, row };
    if (entry.number < AT_BEGINNING) {
      this.#kept.push(entry);
      return;
    }
    this.#recent.push(entry);
    if (this.#recent.length > BEFORE_MARK) this.#recent.shift();
    const after = entry.number - (this.#marked?.number ?? Number.NEGATIVE_INFINITY);
    if (after <= AFTER_MARK) this.#near.push(entry);
  }

  /** Marks the row that comes next, instead of the one that was marked before. */
  mark(row: Row): void {
    this.#marked = { number: this.next, row };
    this.#near = [...this.#recent];
  }

  /** Puts a row that is not one of the line's own after one that is. */
  insertAfter(number: number, row: Row): void {
    const index = this.#kept.findIndex((entry) => entry.number === number);
    this.#kept.splice(index < 0 ? this.#kept.length : index + 1, 0, { number, row });
  }

  /** What was kept, with a word where rows are left out. */
  rows(): Row[] {
    if (this.#marked) this.#marked.row.marked = true;
    const rows: Row[] = [];
    let next = 0;
    const leaveOut = (until: number) => {
      if (until <= next) return;
      const text = `… ${(until - next).toLocaleString("en")} rows left out …`;
      rows.push({ depth: 1, spans: [{ text, kind: "left-out" }], marked: false });
    };
    for (const { number, row } of [...this.#kept, ...this.#near]) {
      leaveOut(number);
      rows.push(row);
      next = number + 1;
    }
    leaveOut(this.next);
    return rows;
  }
}
