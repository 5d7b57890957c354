/** Who is calling: which tenant a key belongs to. */

import { ApiError } from "../core/errors.ts";
import { type KeyVariables, SettingError } from "./ports.ts";

/** The tenant of callers without a key. No key can have this name. */
export const ANONYMOUS = "~anonymous";

interface Key {
  name: string;
  sha256: Uint8Array;
}

/** The tenants that there are by the settings. */
export function tenantNames(variables: KeyVariables): string[] {
  const names = new Set(keys(variables).map((key) => key.name));
  return [...names, ...(anonymousAllowed(variables) ? [ANONYMOUS] : [])];
}

/** Whether anybody may call as this tenant. Nobody is let in by keys that cannot be read. */
export function isTenant(name: string, variables: KeyVariables): boolean {
  try {
    return tenantNames(variables).includes(name);
  } catch {
    return false;
  }
}

/** The caller's tenant. @throws ApiError 401 */
export async function authenticate(headers: Headers, variables: KeyVariables): Promise<string> {
  const known = keys(variables);
  if (known.length === 0 && !anonymousAllowed(variables)) {
    throw unauthorized(
      "This server accepts no calls yet: set API_KEYS to name:sha256 pairs (scripts/serve/make-key.mjs makes one), " +
        "or ALLOW_ANONYMOUS=1 to serve everyone.",
    );
  }
  const given = keyIn(headers);
  if (given === undefined) {
    if (anonymousAllowed(variables)) return ANONYMOUS;
    throw unauthorized("Missing bearer or basic authentication in header");
  }
  // Clients always send some key; with no keys set, any will do.
  if (known.length === 0) return ANONYMOUS;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(given)));
  let tenant: string | undefined;
  // All are compared, each in constant time: how long it takes says nothing about any.
  for (const { name, sha256 } of known) if (equal(digest, sha256)) tenant = name;
  if (tenant === undefined) {
    throw unauthorized(`Incorrect API key provided: ${masked(given)}.`, "invalid_api_key");
  }
  return tenant;
}

/** Whether a key, or all of a tenant's, may name a model. */
export function mayName(models: readonly string[] | undefined, model: string): boolean {
  return models === undefined || models.includes(model);
}

/** Whether any key is known. */
export function hasKeys(variables: KeyVariables): boolean {
  return /[^\s,]/.test(variables.API_KEYS ?? "");
}

/**
 * Refuses what a browser sends for a page of another origin. Where no key is asked for, any page that someone looks at
 * could otherwise use the server: it is not stopped by what it may read, as it can send a form without being asked.
 * @throws ApiError 403
 */
export function refuseOtherOrigins(request: Request): void {
  const site = request.headers.get("sec-fetch-site");
  const origin = request.headers.get("origin");
  const own = site === null ? origin === null || isOwn(origin, request.url) : OWN_SITES.includes(site);
  if (own) return;
  throw new ApiError({
    ...{ status: 403, type: "invalid_request_error", param: null, code: null },
    message:
      "Without a key this server takes no calls from web pages of other origins. Set API_KEYS to use it from there.",
  });
}

/** Sec-Fetch-Site of the page that the server serves itself, and of addresses that a person entered. */
const OWN_SITES = ["same-origin", "none"];

function isOwn(origin: string, url: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === new URL(url).host;
}

function anonymousAllowed(variables: KeyVariables): boolean {
  return variables.ALLOW_ANONYMOUS === "1" || variables.ALLOW_ANONYMOUS === "true";
}

function keys(variables: KeyVariables): Key[] {
  const entries = (variables.API_KEYS ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  const owners = new Map<string, string>();
  return entries.map((entry) => {
    const [, name, hex] = /^([A-Za-z0-9_.-]{1,64}):([0-9a-f]{64})$/i.exec(entry) ?? [];
    if (name === undefined || hex === undefined) {
      throw new SettingError("API_KEYS must hold name:sha256 pairs, separated by commas.");
    }
    const owner = owners.get(hex.toLowerCase()) ?? name;
    if (owner !== name) {
      throw new SettingError(
        `API_KEYS must give each key one name, but '${owner}' and '${name}' have the same key.`,
      );
    }
    owners.set(hex.toLowerCase(), name);
    return { name, sha256: Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)) };
  });
}

/** The key of `Bearer KEY`, or the password of Basic authentication. */
function keyIn(headers: Headers): string | undefined {
  const [, scheme, value] = /^(\w+)\s+(\S+)\s*$/.exec(headers.get("authorization") ?? "") ?? [];
  if (scheme?.toLowerCase() === "bearer") return value;
  if (scheme?.toLowerCase() !== "basic" || value === undefined) return undefined;
  try {
    const [, password] = /^[^:]*:(.+)$/.exec(atob(value)) ?? [];
    return password;
  } catch {
    return undefined;
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] ?? 0);
  return difference === 0;
}

/** As much of a key as OpenAI shows: the first eight characters and the last four. */
function masked(key: string): string {
  if (key.length <= 12) return "*".repeat(key.length);
  return key.slice(0, 8) + "*".repeat(Math.min(key.length - 12, 26)) + key.slice(-4);
}

function unauthorized(message: string, code: string | null = null): ApiError {
  return new ApiError({ status: 401, type: "invalid_request_error", message, param: null, code });
}
