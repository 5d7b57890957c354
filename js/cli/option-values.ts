/** Values of options that several commands take. */

import { InvalidArgumentError } from "commander";

export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It must be a whole number from 1 up.");
  return value;
}

export function concurrency(text: string): number {
  const value = positive(text);
  if (value > 10_000) throw new InvalidArgumentError("It must be a whole number from 1 to 10,000.");
  return value;
}

/** `name: value`, once more. */
export function header(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
  try {
    if (name === undefined || value === undefined) throw new TypeError();
    new Headers({ [name]: value });
    return { ...before, [name]: value };
  } catch {
    throw new InvalidArgumentError("It must be a header, such as 'api-key: 123'.");
  }
}

/** `key=value`, once more. */
export function pair(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It must be key=value.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
