/** What puts a stream's events together, and what streams have for errors. */

import type { ServerEvent } from "./events.ts";
import { isObject, type Json } from "./grow.ts";

export interface Assembly {
  /** Whether the answer is whole, or another is in its place: what follows is not looked at. */
  readonly done: boolean;
  /** @throws ResponseTooLargeError */
  take(event: ServerEvent): void;
  /** The body of the answer, once no more comes. @throws Error when the stream ended before it */
  whole(): Uint8Array;
}

/** Whoever asks takes it for a fault of the connection, which it is as far as anyone can tell. */
export function cutOff(): Error {
  return new Error("The stream ended before the answer did.");
}

const encoder = new TextEncoder();

/**
 * The body of an error that comes as an event: the server's own words, in the envelope of OpenAI's API. Null for what is none.
 * An error is of the whole answer, also where it has part of a choice beside it.
 */
export function failure(name: string, data: Uint8Array, event: Json | undefined): Uint8Array | null {
  if (isObject(event)) {
    if (isObject(event.error) || typeof event.error === "string") return data;
    // vLLM had no envelope around it; the responses API has none.
    const isBare = event.object === "error" || event.type === "error";
    if (!isBare && name !== "error") return null;
    return encoder.encode(`{"error":${new TextDecoder().decode(data)}}`);
  }
  if (name !== "error") return null;
  const message = typeof event === "string" ? event : new TextDecoder().decode(data);
  return encoder.encode(JSON.stringify({ error: { message } }));
}
