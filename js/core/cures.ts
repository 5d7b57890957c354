/** What each cure of a file does, for people. */
import type { Cure } from "./repair.ts";

/** As the label of a button, and the beginning of a line that says how often. */
export const cureNames: Readonly<Record<Cure, string>> = {
  encoding: "Convert to UTF-8",
  lines: "Put each request on one line",
  json: "Add missing braces, remove extra commas",
  stream: "Remove stream",
  method: "Set method to POST",
  url: "Set url to the endpoint",
  ids: "Fill in custom_ids",
  duplicates: "Number duplicate custom_ids",
};
