/** Places in the results of a batch: a letter for their order, and the bytes of lines that come before. */

/** The place that lies so many bytes of lines after another. */
export function cursorAfter(from: string, bytes: number): string {
  return from.charAt(0) + (Number(from.slice(1)) + bytes);
}
