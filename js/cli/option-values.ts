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
