/** What the page and the thread that reads files say to each other of a file that is no batch file. */

import type { Converted, ConvertOptions, Sniffed } from "../../core/convert.ts";

/** The first lines that would be made. */
export interface Preview {
  lines: string[];
  /** Rows of the beginning that cannot be lines. */
  errors: Converted["errors"];
  /** What is wrong with which option. */
  refused: { param: string | null; message: string } | null;
}

export type ToConvert =
  /** Show what would be made; a later request replaces this one. */
  { type: "preview"; options: ConvertOptions; version: number } | { type: "write"; options: ConvertOptions };

export type FromConvert =
  /** The file is no batch file; unless it can be repaired, it was not checked. */
  | { type: "other"; found: Sniffed; columns: string[] }
  | { type: "preview"; preview: Preview; version: number }
  | { type: "writing"; read: number }
  | { type: "written"; blob: Blob; made: Converted }
  | { type: "failed"; message: string };
