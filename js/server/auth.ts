/** Who is calling: which tenant a key belongs to. */

import { ApiError } from "../core/errors.ts";
import type { Models } from "../core/types.ts";
import { type KeyOwner, type KeyRing, type KeyVariables, type OperatorKeys, SettingError } from "./ports.ts";

export type { KeyOwner, KeyRing } from "./ports.ts";

/** Keys as a platform has them: as variables, or as a ring of its own. */
type Keys = KeyVariables | KeyRing;

/** The tenant of callers without a key. No key can have this name. */
export const ANONYMOUS = "~anonymous";

/** What a name of a tenant is. */
export const TENANT_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** The tenants that there are by the settings. @throws SettingError */
export function tenantNames(keys: Keys): string[] {
  const ring = ringOf(keys);
  return [...ring.names(), ...(ring.allowsAnonymous ? [ANONYMOUS] : [])];
}

/** Whether anybody may call as this tenant. Nobody is let in by keys that cannot be read. */
export function isTenant(name: string, keys: Keys): boolean {
  try {
    return tenantNames(keys).includes(name);
  } catch {
    return false;
  }
}

/** The caller's tenant, and what its key allows. @throws ApiError 401 */
export async function authenticate(headers: Headers, keys: Keys): Promise<KeyOwner> {
  const ring = ringOf(keys);
  const isEmpty = ring.names().length === 0;
  if (isEmpty && !ring.allowsAnonymous) {
    throw unauthorized(`This server accepts no calls: ${ring.advice}`);
  }
  const given = keyIn(headers);
  if (given === undefined) {
    if (ring.allowsAnonymous) return { name: ANONYMOUS };
    throw unauthorized("Missing bearer or basic authentication in header");
  }
  // Clients always send some key; with no keys set, any will do.
  if (isEmpty) return { name: ANONYMOUS };
  return ownerOf(given, ring);
}

/** Lets the operator by, whose key is none of the callers'. @throws ApiError 401, 403 */
export async function authenticateOperator(
  request: Request,
  keys: Keys,
  operator: OperatorKeys,
): Promise<void> {
  if (operator.pairs === undefined) {
    if (operator.isOpen) return refuseOtherOrigins(request, keys);
    throw forbidden(`This server has no key for its operator: ${operator.advice}`);
  }
  const given = keyIn(request.headers);
  if (given === undefined) throw unauthorized("Missing bearer or basic authentication in header");
  await ownerOf(given, keysOf(parsePairs(operator.pairs, "The operator's keys")));
}

/** Whose the key is. @throws ApiError 401 */
async function ownerOf(given: string, ring: Pick<KeyRing, "find">): Promise<KeyOwner> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(given)));
  const owner = ring.find(Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""));
  if (owner === null) {
    throw unauthorized(`Incorrect API key provided: ${masked(given)}.`, "invalid_api_key");
  }
  return owner;
}

/** Whether a key, or all of a tenant's, may name a model. */
export function mayName(models: readonly string[] | undefined, model: string): boolean {
  return models === undefined || models.includes(model);
}

/** The models that a tenant's keys may name, of those that there are. */
export function modelsOfTenant(all: Models, keys: KeyRing, tenant: string): Models {
  return {
    has: async (model) => mayName(keys.models(tenant), model) && all.has(model),
    ...(all.pool && { pool: (model) => all.pool?.(model) ?? "" }),
  };
}

/** Whether any key is known. */
export function hasKeys(keys: Keys): boolean {
  return isRing(keys) ? keys.names().length > 0 : /[^\s,]/.test(keys.API_KEYS ?? "");
}

/**
 * Refuses what a browser sends for a page of another origin. Where no key is asked for, any page that someone looks at
 * could otherwise use the server: it is not stopped by what it may read, as it can send a form without being asked.
 * @throws ApiError 403
 */
export function refuseOtherOrigins(request: Request, keys: Keys): void {
  const site = request.headers.get("sec-fetch-site");
  const origin = request.headers.get("origin");
  const own = site === null ? origin === null || isOwn(origin, request.url) : OWN_SITES.includes(site);
  if (own) return;
  throw forbidden(
    `Without a key this server takes no calls from web pages of other origins. ${ringOf(keys).adviceForPages}`,
  );
}

function forbidden(message: string): ApiError {
  return new ApiError({ status: 403, type: "invalid_request_error", message, param: null, code: null });
}

/** Sec-Fetch-Site of the page that the server serves itself, and of addresses that a person entered. */
const OWN_SITES = ["same-origin", "none"];

function isOwn(origin: string, url: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === new URL(url).host;
}

function anonymousAllowed(variables: KeyVariables): boolean {
  return variables.ALLOW_ANONYMOUS === "1" || variables.ALLOW_ANONYMOUS === "true";
}

function isRing(keys: Keys): keys is KeyRing {
  return "find" in keys;
}

function ringOf(keys: Keys): KeyRing {
  return isRing(keys) ? keys : variablesRing(keys);
}

/** The ring of keys that a platform has as variables. @throws SettingError */
function variablesRing(variables: KeyVariables): KeyRing {
  return {
    ...keysOf(parsePairs(variables.API_KEYS ?? "", "API_KEYS")),
    allowsAnonymous: anonymousAllowed(variables),
    advice:
      "set API_KEYS to name:sha256 pairs ('npx edgebatch keys entry NAME' makes one), or ALLOW_ANONYMOUS=1 to serve everyone.",
    adviceForPages: "Set API_KEYS to use it from there.",
  };
}

/** A key, by its hash in lower-case hex. */
export interface HashedKey extends KeyOwner {
  readonly sha256: string;
}

/** What a ring knows of these keys. Of two with one hash the first counts. */
export function keysOf(keys: readonly HashedKey[]): Pick<KeyRing, "find" | "names" | "models"> {
  const owners = new Map<string, HashedKey>();
  for (const key of keys) if (!owners.has(key.sha256)) owners.set(key.sha256, key);
  const names = [...new Set(keys.map(({ name }) => name))];
  return {
    find: (sha256) => owners.get(sha256) ?? null,
    names: () => names,
    models(name) {
      const own = keys.filter((key) => key.name === name);
      // Of one tenant files and batches are shared, and so is what may be run over them.
      const all = own.map(({ models }) => models).filter((models) => models !== undefined);
      return all.length === own.length && own.length > 0 ? all.flat() : undefined;
    },
  };
}

/** Keys of `name:sha256` pairs, separated by commas or spaces. `what` is how errors call them. @throws SettingError */
export function parsePairs(text: string, what: string): HashedKey[] {
  const entries = text.split(/[\s,]+/).filter((entry) => entry !== "");
  const keys = entries.map((entry) => {
    const [, name, hex] = /^([A-Za-z0-9_.-]{1,64}):([0-9a-f]{64})$/i.exec(entry) ?? [];
    if (name === undefined || hex === undefined) {
      throw new SettingError(`${what} must hold name:sha256 pairs, separated by commas.`);
    }
    return { name, sha256: hex.toLowerCase() };
  });
  refuseShared(keys, what);
  return keys;
}

/** A key says who is calling, and so has one name. @throws SettingError */
export function refuseShared(keys: readonly HashedKey[], what: string): void {
  const owners = new Map<string, string>();
  for (const { name, sha256 } of keys) {
    const owner = owners.get(sha256) ?? name;
    if (owner !== name) {
      throw new SettingError(
        `${what} must give each key one name, but '${owner}' and '${name}' have the same key.`,
      );
    }
    owners.set(sha256, name);
  }
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

/** As much of a key as OpenAI shows: the first eight characters and the last four. */
function masked(key: string): string {
  if (key.length <= 12) return "*".repeat(key.length);
  return key.slice(0, 8) + "*".repeat(Math.min(key.length - 12, 26)) + key.slice(-4);
}

function unauthorized(message: string, code: string | null = null): ApiError {
  return new ApiError({ status: 401, type: "invalid_request_error", message, param: null, code });
}
