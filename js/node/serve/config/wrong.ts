/** What is said of a setting that cannot be right. */

import { nearest } from "../../../core/options.ts";
import type { Kind } from "./kinds.ts";

/** A setting that cannot be right. The message names it, and holds no secret. */
export class WrongSetting extends Error {
  override name = "WrongSetting";
}

/** A name that is no setting's, with the one that may have been meant. All begin with `prefix`, which says nothing. */
export function unknown(where: string, name: string, known: string[], prefix = ""): WrongSetting {
  const rest = (text: string) => text.slice(prefix.length);
  const near = nearest(rest(name), known.map(rest));
  return new WrongSetting(
    `${where} is no setting.${near === undefined ? "" : ` Did you mean ${prefix}${near}?`}`,
  );
}

/** A value that is none of its kind. */
export function wrongValue(where: string, kind: Kind<unknown>, value: unknown): WrongSetting {
  const but = kind.secret ? "" : `, but is ${said(value)}`;
  return new WrongSetting(`${where} must be ${kind.must}${but}`);
}

function said(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(said).join(", ")}]`;
  if (typeof value === "object" && value !== null && !(value instanceof Date)) return "a table";
  return typeof value === "string" ? `'${value}'` : String(value);
}
