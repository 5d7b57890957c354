/** Where lines are in a file, in bounded memory: marks at intervals, from which a line is found by reading on. */

const MOST_MARKS = 4096;

export class LineIndex {
  /** Bytes and line ends before them, in pairs. */
  #marks: number[] = [0, 0];
  #stride = 256 * 1024;

  /** Notes how many line ends are within how many first bytes. Both only grow. */
  note(bytes: number, lineEnds: number): void {
    if (bytes - (this.#marks.at(-2) as number) < this.#stride) return;
    this.#marks.push(bytes, lineEnds);
    if (this.#marks.length <= 2 * MOST_MARKS) return;
    this.#marks = this.#marks.filter((_, i) => i % 4 < 2);
    this.#stride *= 2;
  }

  /** Where to start reading to find a line (1-based), and how many line ends to pass from there. */
  before(line: number): { offset: number; lineEnds: number } {
    let found = 0;
    // The start of the line is the byte after a line end, which must not lie before the mark.
    for (let low = 1, high = this.#marks.length / 2 - 1; low <= high; ) {
      const middle = (low + high) >> 1;
      if ((this.#marks[2 * middle + 1] as number) <= line - 2) {
        found = middle;
        low = middle + 1;
      } else high = middle - 1;
    }
    const [offset, passed] = [this.#marks[2 * found] as number, this.#marks[2 * found + 1] as number];
    return { offset, lineEnds: line - 1 - passed };
  }
}
