/** A file of settings, in TOML. */

import { readFile } from "node:fs/promises";
import { WrongSetting } from "./wrong.ts";

export type Table = Record<string, unknown>;

export interface ConfigFile {
  readonly table: Table;
  /** Where a key is, for people: `edgebatch.toml:3: quota.files`. The number counts tables of an array from 0. */
  at(key: string, index?: number): string;
}

/** @throws WrongSetting */
export async function readConfigFile(path: string, saidBy: string): Promise<ConfigFile> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new WrongSetting(`${saidBy} names ${path}, which cannot be read (${error.code})`);
  });
  return parseConfig(text, path);
}

/** @throws WrongSetting */
export async function parseConfig(text: string, path: string): Promise<ConfigFile> {
  // Loaded with the first file: most starts have none.
  const { parse, TomlError } = await import("smol-toml");
  try {
    const lines = linesOf(text);
    return {
      table: parse(text),
      at: (key, index) => `${[path, lines.get(placeOf(key, index))].filter(Boolean).join(":")}: ${key}`,
    };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Below its first line the message quotes the file, which may hold a key.
    const why = error.message.split("\n")[0]?.replace("Invalid TOML document: ", "");
    throw new WrongSetting(`${path}:${error.line}:${error.column}: this is no TOML: ${why}`);
  }
}

export function isTable(value: unknown): value is Table {
  if (typeof value !== "object" || value === null) return false;
  return [Object.prototype, null].includes(Object.getPrototypeOf(value));
}

const placeOf = (key: string, index: number | undefined) => (index === undefined ? key : `${index} ${key}`);

/** The line of each key that is written the usual way. The library does not say them; they are a help, and no more. */
function linesOf(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  const seen = new Map<string, number>();
  let table = "";
  let index: number | undefined;
  for (const [i, line] of text.split("\n").entries()) {
    const [, opened, name] = /^\s*(\[{1,2})\s*([\w.-]+)\s*\]/.exec(line) ?? [];
    const [, key] = /^\s*([\w.-]+)\s*=/.exec(line) ?? [];
    if (name !== undefined) {
      const [parent = ""] = name.split(".");
      if (opened === "[[") seen.set(name, (seen.get(name) ?? -1) + 1);
      table = name;
      index = seen.get(parent);
    }
    const path = [table, key].filter(Boolean).join(".");
    const place = placeOf(path, index);
    if ((name ?? key) !== undefined && !lines.has(place)) lines.set(place, i + 1);
  }
  return lines;
}
