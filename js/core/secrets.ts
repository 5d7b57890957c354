/** Keys that a server is sent, and that must be in nothing it answers. */

/** What is shorter is no secret, and may stand in any text. */
const LEAST_SECRET = 6;

/** Headers that hold secrets, by their names. */
const OF_SECRETS = /auth|key|token|secret|cookie|passw|credential|signature/i;
/** Those of other names do where they are long: `x-team: openai` must not cut names of models. */
const LEAST_UNNAMED = 16;
/** What every client may send, however long. */
const OPEN = /^(accept|accept-.*|content-type|user-agent)$/i;

/** The secrets of a key and of further headers. */
export function secretsOf(
  apiKey: string | undefined,
  headers: Readonly<Record<string, string>> = {},
): string[] {
  const found = apiKey === undefined ? [] : [apiKey];
  for (const [name, value] of Object.entries(headers)) {
    if (OPEN.test(name) || (!OF_SECRETS.test(name) && value.trim().length < LEAST_UNNAMED)) continue;
    // Of `Bearer sk-…` servers repeat either.
    found.push(value.trim(), ...value.trim().split(/\s+/).slice(1));
  }
  // As JSON has them, too. Long ones first: one may be part of another.
  const written = found.flatMap((secret) => {
    const inJson = JSON.stringify(secret).slice(1, -1);
    return [secret, inJson, inJson.replaceAll("/", "\\/")];
  });
  const secrets = [...new Set(written)].filter((secret) => secret.length >= LEAST_SECRET);
  return secrets.sort((a, b) => b.length - a.length);
}

/** Whether a text holds one. */
export function hasSecret(text: string, secrets: readonly string[]): boolean {
  return secrets.some((secret) => text.includes(secret));
}

/** A text with `***` in place of each. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let shown = text;
  for (const secret of secrets) shown = shown.replaceAll(secret, "***");
  return shown;
}

/** Bytes with `***` in place of each: the same bytes where there is none, which are not decoded for that. */
export function bytesWithoutSecrets(bytes: Uint8Array, secrets: readonly string[]): Uint8Array {
  if (!secrets.some((secret) => holds(bytes, new TextEncoder().encode(secret)))) return bytes;
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return new TextEncoder().encode(withoutSecrets(text, secrets));
}

function holds(bytes: Uint8Array, part: Uint8Array): boolean {
  for (let at = bytes.indexOf(part[0] as number); at >= 0; at = bytes.indexOf(part[0] as number, at + 1)) {
    let same = 1;
    while (same < part.length && bytes[at + same] === part[same]) same++;
    if (same === part.length) return true;
  }
  return false;
}
