/** Chat and completions: chunks of choices, put together to the answer that would have come in one piece. */

import { tooLarge } from "../exchange.ts";
import { type Assembly, cutOff, failure } from "./assembly.ts";
import type { ServerEvent } from "./events.ts";
import {
  deltaRules,
  emptyObject,
  Grower,
  isObject,
  type Json,
  type JsonObject,
  lastRules,
  listRules,
} from "./grow.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What there is at least of a choice. */
const CHOICE = '{"index":0}';

/** A choice as far as it has come. */
interface Choice {
  index: number;
  message: JsonObject;
  rest: JsonObject;
}

export class Choices implements Assembly {
  readonly #most: number;
  readonly #isChat: boolean;
  /** Choices that were asked for. */
  readonly #asked: number;
  readonly #grower: Grower;
  readonly #top = emptyObject();
  readonly #choices = new Map<number, Choice>();
  /** What is the answer instead. */
  #instead: Uint8Array | null = null;
  #isDone = false;

  constructor(isChat: boolean, asked: number, most: number) {
    this.#isChat = isChat;
    this.#asked = asked;
    this.#most = most;
    this.#grower = new Grower(most);
  }

  get done(): boolean {
    return this.#isDone;
  }

  take({ name, data }: ServerEvent): void {
    if (this.#isDone) return;
    const text = decoder.decode(data).trim();
    if (text === "[DONE]") {
      this.#isDone = true;
      return;
    }
    const chunk = parsed(text);
    const failed = failure(name, data, chunk);
    if (failed || !isObject(chunk)) {
      // What is no chunk is left to whoever reads answers, as the body of a whole one would be.
      this.#instead = failed ?? data;
      this.#isDone = true;
      return;
    }
    const { choices, ...top } = chunk;
    if (!Array.isArray(choices) && top.usage === undefined) return;
    // Chunks of some servers are padded, so that nobody tells tokens by their lengths.
    delete top.obfuscation;
    this.#grower.grow(this.#top, top, lastRules);
    if (Array.isArray(choices)) for (const choice of choices) if (isObject(choice)) this.#takeChoice(choice);
  }

  whole(): Uint8Array {
    if (this.#instead) return this.#instead;
    if (this.#choices.size === 0 || !(this.#isDone || this.#isFinished())) throw cutOff();
    const { id, object, created, model, usage, ...top } = this.#top;
    const choices = [...this.#choices.values()].sort((a, b) => a.index - b.index);
    const answer = {
      ...{ id, object: typeof object === "string" ? object.replace(/\.chunk$/, "") : object, created, model },
      choices: choices.map((choice) => this.#whole(choice)),
      usage: usage ?? undefined,
      ...top,
    };
    const body = new TextEncoder().encode(JSON.stringify(answer));
    if (body.length > this.#most) throw tooLarge(this.#most);
    return body;
  }

  /** Whether every choice says why it ended. */
  #isFinished(): boolean {
    const all = [...this.#choices.values()];
    return all.length >= this.#asked && all.every(({ rest }) => Boolean(rest.finish_reason));
  }

  #takeChoice(piece: JsonObject): void {
    const { index: given, delta, message, logprobs, text, token_ids, ...rest } = piece;
    const index = typeof given === "number" ? given : 0;
    let choice = this.#choices.get(index);
    if (!choice) {
      this.#grower.count(CHOICE.length);
      choice = { index, message: emptyObject(), rest: emptyObject() };
      this.#choices.set(index, choice);
    }
    const grower = this.#grower;
    if (isObject(delta)) grower.grow(choice.message, delta, deltaRules);
    // One that comes beside deltas says the same again.
    else if (isObject(message)) grower.grow(choice.message, message, lastRules);
    if (text !== undefined) grower.put(choice.rest, "text", text, deltaRules);
    if (logprobs !== undefined) grower.put(choice.rest, "logprobs", logprobs, listRules);
    if (token_ids !== undefined) grower.put(choice.rest, "token_ids", token_ids, listRules);
    grower.grow(choice.rest, rest, lastRules);
  }

  #whole({ index, message, rest }: Choice): Json {
    const { finish_reason = null, ...more } = rest;
    const what: JsonObject = this.#isChat ? { message: wholeMessage(message) } : { text: "" };
    return { index, ...what, ...more, finish_reason };
  }
}

function wholeMessage({ role, content, tool_calls, ...rest }: JsonObject): JsonObject {
  const calls = Array.isArray(tool_calls) ? inOrder(tool_calls) : tool_calls;
  const others = [Array.isArray(calls) && calls.length > 0, rest.function_call, rest.refusal, rest.audio];
  // Streams start with an empty text, whatever comes.
  const isNone = content === undefined || (content === "" && others.some(Boolean));
  return {
    role: role || "assistant",
    content: isNone ? null : content,
    ...(calls !== undefined && { tool_calls: calls }),
    ...rest,
  };
}

/** Calls in the order of their indices, which only streams have. */
function inOrder(calls: Json[]): Json[] {
  const placed = calls.filter(isObject).map(({ index, ...call }, at) => ({
    at: typeof index === "number" ? index : at,
    call: call as JsonObject,
  }));
  return placed.sort((a, b) => a.at - b.at).map(({ call }) => call);
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
