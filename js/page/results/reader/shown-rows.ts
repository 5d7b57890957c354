/** The rows that a filter lets through. Kinds are judged at once; a text is looked for in the lines themselves. */
import { nextTask } from "../../reader/check.ts";
import { type Filter, firstError } from "../protocol.ts";
import type { Lines } from "./lines.ts";
import { decoded } from "./rows.ts";
import type { ResultTable } from "./table.ts";

const TASK_MS = 50;

export class ShownRows {
  readonly filter: Filter;
  /** Rows that were looked at. */
  judged = 0;
  readonly #table: ResultTable;
  readonly #passes: (of: number) => boolean;
  readonly #isInLine: ((text: string) => boolean) | null;
  #rows = new Uint32Array(1024);
  #found = 0;

  constructor(table: ResultTable, filter: Filter) {
    this.#table = table;
    this.filter = filter;
    const { kinds } = filter;
    const wanted = new Set(Array.isArray(kinds) ? kinds : []);
    if (kinds === null) this.#passes = () => true;
    else this.#passes = kinds === "failed" ? (of) => of >= firstError : (of) => wanted.has(of);
    this.#isInLine = filter.text.trim() === "" ? null : finderOf(filter.text.trim());
  }

  get #isAll(): boolean {
    return this.filter.kinds === null && this.#isInLine === null;
  }

  get count(): number {
    return this.#isAll ? this.judged : this.#found;
  }

  /** The row at a position. */
  row(position: number): number {
    return this.#isAll ? position : (this.#rows[position] as number);
  }

  /** Where a row is; null where the filter does not let it through. */
  positionOf(row: number): number | null {
    if (this.#isAll) return row;
    const position = this.#rows.subarray(0, this.#found).indexOf(row);
    return position < 0 ? null : position;
  }

  /** Looks at the rows that were not looked at. False when `stopped` said so. */
  async judge(lines: Lines, tell: () => void, stopped: () => boolean): Promise<boolean> {
    if (this.#isAll) this.judged = this.#table.count;
    let told = performance.now();
    const { places } = this.#table;
    /** The block that was looked at last, and whether the text is anywhere in it. */
    let [begin, end, isNear] = [0, -1, false];
    for (; this.judged < this.#table.count; this.judged++) {
      const row = this.judged;
      if (!this.#passes(this.#table.kinds[row] as number)) continue;
      if (this.#isInLine) {
        const place = places[row] as number;
        if (place < begin || place >= end) {
          const block = await lines.around(place);
          [begin, end] = [block.begin, block.end];
          isNear = this.#isInLine(decoded(block.bytes));
        }
        // The last line of a block goes on in the next one. Of a batch that runs, lines are not in the order of rows.
        const next = row + 1 < this.#table.count ? (places[row + 1] ?? Infinity) : Infinity;
        const isIn = (isNear || next > end || next < place) && this.#isInLine(decoded(await lines.at(place)));
        if (performance.now() - told > TASK_MS) {
          told = performance.now();
          tell();
          await nextTask();
        }
        if (stopped()) return false;
        if (!isIn) continue;
      }
      this.#add(row);
    }
    return true;
  }

  #add(row: number): void {
    if (this.#found === this.#rows.length) {
      const larger = new Uint32Array(2 * this.#found);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows[this.#found++] = row;
  }
}

/** Looks for a text as it is, or as JSON writes it: with escapes for quotes and line ends, and perhaps for all but ASCII. */
function finderOf(text: string): (line: string) => boolean {
  const json = JSON.stringify(text).slice(1, -1);
  const ascii = json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const forms = [...new Set([text, json, ascii].map((form) => form.toLowerCase()))];
  return (line) => {
    const lower = line.toLowerCase();
    return forms.some((form) => lower.includes(form));
  };
}
