/** How long a server asks to be left alone. */

/**
 * Milliseconds from `retry-after-ms` or `retry-after` (seconds, or an HTTP date in any of its three forms), the first
 * of them that makes sense. Undefined when none does: negative numbers, times past and anything else are ignored.
 */
export function retryAfterMs(headers: Pick<Headers, "get">, now = Date.now()): number | undefined {
  const ms = decimal(headers.get("retry-after-ms"));
  if (ms !== undefined) return Math.ceil(ms);
  const after = headers.get("retry-after")?.trim() ?? "";
  const seconds = decimal(after);
  if (seconds !== undefined) return Math.ceil(seconds * 1000);
  const wait = httpDate(after) - now;
  return wait > 0 ? Math.ceil(wait) : undefined;
}

function decimal(text: string | null): number | undefined {
  return text !== null && /^\s*\d{1,15}(?:\.\d*)?\s*$/.test(text) ? Number(text) : undefined;
}

const IMF_OR_RFC850 = /^[A-Z][a-z]+, \d{2}[ -][A-Z][a-z]{2}[ -](?:\d{4}|\d{2}) \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** Checked by form first, as `Date.parse` finds a date in nearly everything that has a digit. */
function httpDate(text: string): number {
  if (IMF_OR_RFC850.test(text)) return Date.parse(text);
  return ASCTIME.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}
