/** Answers that are asked for as streams, and put together again: whoever asked sees what would have come in one piece. */

import type { InferenceRequest } from "../../core/types.ts";
import type { Collector } from "./exchange.ts";
import { type Assembly, cutOff } from "./stream/assembly.ts";
import { Choices } from "./stream/choices.ts";
import { EventReader } from "./stream/events.ts";
import { type AsStream, asStream } from "./stream/request.ts";
import { Responses } from "./stream/responses.ts";

/** One request, and what becomes of its answer. */
export interface Streamed {
  /** To be sent instead of the request's. */
  body: Uint8Array;
  /** What takes the answer's body; null for one that is no stream: an error, or of a server that does not stream. */
  collect(status: number, header: (name: string) => string | null): Collector | null;
  /** The body that whoever asked is to see, of an answer's that came. */
  whole(status: number, body: Uint8Array): Uint8Array;
  /** Whether it was refused as a stream: in one piece it may be answered. */
  isRefused(status: number, body: Uint8Array): boolean;
}

/** Null for a request whose answer is to come in one piece. */
export function streamed(request: InferenceRequest, most: number): Streamed | null {
  const how = asStream(request.url, request.body);
  if (!how) return null;
  let collected = false;
  return {
    body: how.body,
    collect(status, header) {
      const type = header("content-type")?.trim().toLowerCase() ?? "";
      collected = isOk(status) && type.startsWith("text/event-stream");
      return collected ? new StreamCollector(how, most) : null;
    },
    whole(status, body) {
      // A stream under another name, or packed.
      if (collected || !isOk(status) || !looksLikeStream(body)) return body;
      const collector = new StreamCollector(how, most);
      collector.add(body);
      return collector.whole();
    },
    isRefused: (status, body) =>
      (status === 400 || status === 422) && refusal.test(new TextDecoder().decode(body.subarray(0, 4_096))),
  };
}

const isOk = (status: number) => status >= 200 && status < 300;

/** Some name the member in words, some in the path of a member. */
const refusal = /\bstream(?:_options|ing)?\b/;

/** No JSON starts like this. */
function looksLikeStream(body: Uint8Array): boolean {
  return /^\ufeff?\s*(?:data|event|id|retry)?:/.test(
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(body.subarray(0, 64)),
  );
}

/** What an event has besides an answer that is in it. */
const ENVELOPE = 4_096;

class StreamCollector implements Collector {
  readonly #events: EventReader;
  readonly #assembly: Assembly;

  constructor({ kind, choices }: AsStream, most: number) {
    this.#assembly = kind === "responses" ? new Responses(most) : new Choices(kind === "chat", choices, most);
    this.#events = new EventReader(most + ENVELOPE, (event) => this.#assembly.take(event));
  }

  get done(): boolean {
    return this.#assembly.done;
  }

  add(part: Uint8Array): void {
    if (!this.done) this.#events.add(part);
  }

  whole(): Uint8Array {
    const rest = this.done ? null : this.#events.rest();
    if (rest) {
      // What is cut in half is no event.
      if (!isWhole(rest.data)) throw cutOff();
      this.#assembly.take(rest);
    }
    return this.#assembly.whole();
  }
}

function isWhole(data: Uint8Array): boolean {
  const text = new TextDecoder().decode(data).trim();
  if (text === "[DONE]") return true;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
