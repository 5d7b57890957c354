/** Values of options, as the client commands take them. */

import { InvalidArgumentError } from "commander";
import { fixedLimits } from "../../core/rules.ts";

/** `key=value`, once more. */
export function metadata(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It must be key=value.");
  const pairs = { ...before, [text.slice(0, at)]: text.slice(at + 1) };
  if (Object.keys(pairs).length <= fixedLimits.maxMetadataPairs) return pairs;
  throw new InvalidArgumentError(`There may be ${fixedLimits.maxMetadataPairs} of them.`);
}
