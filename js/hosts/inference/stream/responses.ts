/** The responses API: the event that ends a stream has the whole response, byte for byte as a plain answer would be. */

import { tooLarge } from "../exchange.ts";
import { type Assembly, cutOff, failure } from "./assembly.ts";
import type { ServerEvent } from "./events.ts";
import type { Json } from "./grow.ts";
import { member, textOf } from "./members.ts";

const ends = /^response\.(?:completed|failed|incomplete|cancelled)$/;

export class Responses implements Assembly {
  readonly #most: number;
  #body: Uint8Array | null = null;

  constructor(most: number) {
    this.#most = most;
  }

  get done(): boolean {
    return this.#body !== null;
  }

  take({ name, data }: ServerEvent): void {
    if (this.#body) return;
    const type = name === "" || name === "message" ? typeOf(data) : name;
    const response = ends.test(type) ? member(data, "response") : null;
    if (response) this.#set(response);
    else if (type === "error" || (type === "" && member(data, "error"))) {
      const failed = failure(type, data, parsed(data));
      if (failed) this.#set(failed);
    }
  }

  whole(): Uint8Array {
    if (!this.#body) throw cutOff();
    return this.#body;
  }

  #set(body: Uint8Array): void {
    if (body.length > this.#most) throw tooLarge(this.#most);
    this.#body = body;
  }
}

function typeOf(data: Uint8Array): string {
  const type = member(data, "type");
  return type ? textOf(type).slice(1, -1) : "";
}

function parsed(data: Uint8Array): Json | undefined {
  try {
    return JSON.parse(textOf(data)) as Json;
  } catch {
    return undefined;
  }
}
