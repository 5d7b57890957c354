/** How webhooks are signed: Standard Webhooks, as OpenAI's clients verify it. */

import type { Endpoint } from "./types.ts";

const PREFIX = "whsec_";
const SECRET_BYTES = 32;

export function newSecret(): string {
  return PREFIX + base64(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
}

/** As much of a secret as tells it from others. */
export function hintOf(secret: string): string {
  return `${PREFIX}****${secret.slice(-5).replace(/=+$/, "")}`;
}

/** The headers of a message. Of two secrets that count both sign it: a receiver may know either. */
export async function signed(
  { secret, old }: Pick<Endpoint, "secret" | "old">,
  id: string,
  body: string,
  now: number,
): Promise<Record<string, string>> {
  const secrets = old && old.until > now ? [secret, old.secret] : [secret];
  const signatures = await Promise.all(secrets.map((each) => signature(each, `${id}.${now}.${body}`)));
  return {
    "content-type": "application/json",
    "user-agent": "edgebatch-webhooks/1",
    "webhook-id": id,
    "webhook-timestamp": String(now),
    "webhook-signature": signatures.join(" "),
  };
}

async function signature(secret: string, text: string): Promise<string> {
  const bytes = Uint8Array.from(atob(secret.slice(PREFIX.length)), (char) => char.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const digest = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text));
  return `v1,${base64(new Uint8Array(digest))}`;
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
