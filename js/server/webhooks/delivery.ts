/** One try to deliver an event to an endpoint. */

import { wrongAddress } from "./address.ts";
import { signed } from "./signing.ts";
import { type Endpoint, PrivateAddressError, type SendWebhook } from "./types.ts";

/** How long an endpoint may take to answer. */
const ANSWER_MS = 10_000;

/** What sends, and where to it may. */
export interface Sending {
  send: SendWebhook;
  allowPrivate: boolean;
}

/** The status of the answer, or why there was none: a word or a code, in which no address stands. */
export type Outcome = { status: number } | { reason: string };

/** Sends an event. Never throws. */
export async function deliver(
  { send, allowPrivate }: Sending,
  endpoint: Endpoint,
  event: { id: string; body: string },
  now: number,
): Promise<Outcome> {
  // Again: the operator may have decided otherwise since it was made.
  if (wrongAddress(endpoint.url, { allowPrivate }) !== null) return { reason: "private_address" };
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(), ANSWER_MS);
  try {
    const headers = await signed(endpoint, event.id, event.body, now);
    const late = new Promise<never>((_, fail) => {
      aborter.signal.addEventListener("abort", () => fail(aborter.signal.reason), { once: true });
    });
    const sent = send(endpoint.url, { headers, body: event.body, signal: aborter.signal });
    return { status: await Promise.race([sent, late]) };
  } catch (error) {
    return { reason: aborter.signal.aborted ? "timeout" : reasonOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** Whether the endpoint has taken it. */
export function isTaken(outcome: Outcome): boolean {
  return "status" in outcome && outcome.status >= 200 && outcome.status < 300;
}

/** Whether nothing would be taken now: it is away, overloaded or broken, whatever is sent. */
export function isTrouble(outcome: Outcome): boolean {
  return "reason" in outcome || outcome.status >= 500 || outcome.status === 429;
}

function reasonOf(error: unknown): string {
  if (error instanceof PrivateAddressError) return "private_address";
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { code?: unknown } };
  const found = [code, cause?.code].find((each) => typeof each === "string");
  return typeof found === "string" && /^[A-Z][A-Z0-9_]{1,60}$/.test(found) ? found : "connection_failed";
}
