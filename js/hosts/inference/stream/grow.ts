/** How pieces of an answer are put together: what is joined, what is appended, and what takes another's place. */

import { tooLarge } from "../exchange.ts";

export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [name: string]: Json;
}

/** How the members of an object grow. */
export interface Rules {
  /** Members whose texts are joined. Of any other the last one stays. */
  readonly joined: ReadonlySet<string>;
  /** Whether arrays are appended to; otherwise the last one stays. */
  readonly appends: boolean;
}

/** What a delta has of a message. */
export const deltaRules: Rules = {
  joined: new Set([
    ...["content", "refusal", "reasoning", "reasoning_content", "thinking"],
    // Of tools, of audio, and of details of reasoning.
    ...["arguments", "input", "data", "transcript", "text", "summary"],
  ]),
  appends: true,
};

/** Of log probabilities, and of tokens. */
export const listRules: Rules = { joined: new Set(), appends: true };

/** Whatever else there is. */
export const lastRules: Rules = { joined: new Set(), appends: false };

/** Has no prototype: a member may have any name. */
export function emptyObject(): JsonObject {
  return Object.create(null) as JsonObject;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Puts pieces together, up to a size. */
export class Grower {
  readonly #most: number;
  /** At least so many characters, and so many bytes, the whole has as JSON. */
  #size = 0;
  /** Where the entries of an array are that have an index. */
  readonly #places = new WeakMap<Json[], Map<number, JsonObject>>();

  constructor(most: number) {
    this.#most = most;
  }

  /** @throws ResponseTooLargeError */
  grow(target: JsonObject, piece: JsonObject, rules: Rules): void {
    for (const [name, value] of Object.entries(piece)) this.put(target, name, value, rules);
  }

  /** Puts one member. Nothing takes the place of something. */
  put(target: JsonObject, name: string, value: Json, rules: Rules): void {
    const old = target[name];
    if (old === undefined) this.count(name.length);
    if (value === null || value === "") {
      if (old === undefined || old === null) target[name] = value;
    } else if (typeof value === "string" && rules.joined.has(name)) {
      if (Array.isArray(old)) this.#append(old, [{ type: "text", text: value }], name, rules);
      else target[name] = this.#join(old, value);
    } else if (Array.isArray(value) && rules.appends) {
      target[name] = this.#list(old);
      this.#append(target[name], value, name, rules);
    } else if (isObject(value)) {
      const into = isObject(old) ? old : emptyObject();
      this.grow(into, value, rules);
      target[name] = into;
    } else if (old !== value) {
      this.count(weigh(value) - (old === undefined ? 0 : weigh(old)));
      target[name] = value;
    }
  }

  #join(old: Json | undefined, value: string): string {
    this.count(value.length);
    return typeof old === "string" ? old + value : value;
  }

  /** Parts may follow a text, where models think between. */
  #list(old: Json | undefined): Json[] {
    if (Array.isArray(old)) return old;
    return typeof old === "string" && old !== "" ? [{ type: "text", text: old }] : [];
  }

  #append(list: Json[], items: Json[], name: string, rules: Rules): void {
    for (const item of items) {
      if (!isObject(item)) {
        this.count(weigh(item));
        list.push(item);
        continue;
      }
      const into = this.#entryOf(list, item, name) ?? this.#newEntry(list, item);
      this.grow(into, item, rules);
    }
  }

  /** The entry that an item continues. */
  #entryOf(list: Json[], item: JsonObject, name: string): JsonObject | undefined {
    const last = list.at(-1);
    const { index, type } = item;
    let entry: JsonObject | undefined;
    if (typeof index === "number") entry = this.#places.get(list)?.get(index);
    else if (name === "tool_calls" && isObject(last)) entry = last;
    else if (["content", "thinking"].includes(name) && isObject(last) && isPart(type) && last.type === type) {
      return last;
    }
    return entry && name === "tool_calls" && isAnotherCall(entry, item) ? undefined : entry;
  }

  #newEntry(list: Json[], { index }: JsonObject): JsonObject {
    const entry = emptyObject();
    list.push(entry);
    this.count(2);
    if (typeof index === "number") {
      const places = this.#places.get(list) ?? new Map<number, JsonObject>();
      this.#places.set(list, places.set(index, entry));
    }
    return entry;
  }

  /** Something is there that has so many characters. @throws ResponseTooLargeError */
  count(characters: number): void {
    this.#size += characters;
    if (this.#size > this.#most) throw tooLarge(this.#most);
  }
}

const isPart = (type: Json | undefined) => type === "text" || type === "thinking";

/**
 * Some servers give every call of tools the same index, or none. One that has a name and an id of its own is another, once the
 * arguments of the one before are whole.
 */
function isAnotherCall(call: JsonObject, item: JsonObject): boolean {
  if (!item.id || !call.id || item.id === call.id) return false;
  const next = isObject(item.function) ? item.function.name : undefined;
  const text = isObject(call.function) ? call.function.arguments : undefined;
  return Boolean(next) && typeof text === "string" && isJson(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function weigh(value: Json): number {
  return typeof value === "string" ? value.length : JSON.stringify(value).length;
}
