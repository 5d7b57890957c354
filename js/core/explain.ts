/** Where a line stops being JSON, and why. */
import { validatorCore } from "./wasm.ts";

/** Where a line breaks. */
export interface LineFault {
  /** Bytes of the line before it. */
  offset: number;
  /** The character, 1-based: a tab is one, and so is a character of several bytes. */
  column: number;
  /** What is wrong there, in a sentence. */
  reason: string;
}

/** Finds where a line, given without its line end, breaks; null if it is JSON as the validator takes it. */
export function explainLine(line: Uint8Array): LineFault | null {
  const [offset, column, reason] = validatorCore().explainLine(line);
  if (offset === undefined || column === undefined || reason === undefined) return null;
  return { offset, column, reason };
}
