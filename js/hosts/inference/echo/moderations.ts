/** `/v1/moderations`: finds nothing to object to. */

import { type Endpoint, Refusal } from "./common.ts";

const CATEGORIES = [
  "harassment",
  "harassment/threatening",
  "hate",
  "hate/threatening",
  "illicit",
  "illicit/violent",
  "self-harm",
  "self-harm/instructions",
  "self-harm/intent",
  "sexual",
  "sexual/minors",
  "violence",
  "violence/graphic",
];

/** Looked for in images too. */
const IN_IMAGES = [
  "self-harm",
  "self-harm/instructions",
  "self-harm/intent",
  "sexual",
  "violence",
  "violence/graphic",
];

const of = (value: (name: string) => unknown): string =>
  JSON.stringify(Object.fromEntries(CATEGORIES.map((name) => [name, value(name)])));
const result = (types: string[]): string =>
  `{"flagged":false,"categories":${of(() => false)},"category_scores":${of(() => 0)},"category_applied_input_types":` +
  `${of((name) => types.filter((type) => type !== "image" || IN_IMAGES.includes(name)))}}`;
const OF_TEXT = result(["text"]);

/** One result for a string, one for each of several, one for all parts of text and image. */
export const moderations: Endpoint = (body, id, model) => {
  const { input } = body;
  if (input === undefined) throw Refusal.missing("input");
  const results = Array.isArray(input) ? ofList(input) : [ofString(input)];
  return `{"id":"modr-${id}","model":${JSON.stringify(model)},"results":[${results.join(",")}]}`;
};

function ofString(input: unknown): string {
  if (typeof input === "string") return OF_TEXT;
  throw Refusal.type("input", "one of a string, array of strings, or array of objects", input);
}

function ofList(input: unknown[]): string[] {
  if (input.length === 0) throw Refusal.emptyArray("input");
  const types = new Set<string>();
  for (const [i, item] of input.entries()) {
    if (typeof item !== typeof input[0] || item === null || Array.isArray(item)) {
      throw Refusal.type(`input[${i}]`, typeof input[0] === "string" ? "a string" : "an object", item);
    }
    if (typeof item === "string") continue;
    if (typeof item !== "object") throw Refusal.type(`input[${i}]`, "one of a string or an object", item);
    const { type } = item as Record<string, unknown>;
    if (type === undefined) throw Refusal.missing(`input[${i}].type`);
    if (typeof type !== "string") throw Refusal.type(`input[${i}].type`, "a string", type);
    if (type !== "text" && type !== "image_url")
      throw Refusal.value(`input[${i}].type`, type, ["text", "image_url"]);
    types.add(type === "text" ? "text" : "image");
  }
  return types.size === 0 ? input.map(() => OF_TEXT) : [result([...types])];
}
