/** A string, strings, tokens, or lists of tokens: what completions and embeddings take. */

import { type Body, Refusal, tokens } from "./common.ts";

/** One text, and how many tokens it is. */
export interface Text {
  text: string;
  tokens: number;
}

/** Reads the parameter; a prompt of tokens means the text of its numbers. At most 2,048 texts. */
export function texts(body: Body, param: "prompt" | "input"): Text[] {
  const value = body[param];
  if (value === undefined) throw Refusal.missing(param);
  // Completions take no prompt at all for the beginning of a text.
  if (value === null && param === "prompt") return [{ text: "", tokens: 0 }];
  if (typeof value === "string") return [{ text: value, tokens: tokens(value) }];
  if (!Array.isArray(value)) throw Refusal.type(param, EXPECTED, value);
  if (value.length === 0) throw Refusal.emptyArray(param);
  if (typeof value[0] === "number") return [tokenText(value, param)];
  if (value.length > 2048) {
    const detail = `Expected an array with maximum length 2048, but got an array with length ${value.length} instead.`;
    throw new Refusal(400, `Invalid '${param}': array too long. ${detail}`, param, "array_above_max_length");
  }
  const strings = typeof value[0] === "string";
  return value.map((item: unknown, i) => {
    if (!strings) return tokenText(item, `${param}[${i}]`);
    if (typeof item !== "string") throw Refusal.type(`${param}[${i}]`, "a string", item);
    return { text: item, tokens: tokens(item) };
  });
}

const EXPECTED = "one of a string, array of strings, array of integers, or array of integer arrays";

function tokenText(value: unknown, param: string): Text {
  if (!Array.isArray(value)) throw Refusal.type(param, "an array of integers", value);
  if (value.length === 0) throw Refusal.emptyArray(param);
  for (let i = 0; i < value.length; i++) {
    const token: unknown = value[i];
    if (typeof token === "number" && Number.isInteger(token) && token >= 0) continue;
    throw Refusal.type(`${param}[${i}]`, "an integer", token);
  }
  return { text: value.join(" "), tokens: value.length };
}
