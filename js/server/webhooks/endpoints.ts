/** A tenant's webhook endpoints: one record, as they are few and every event asks for all of them. */

import { InvalidRequestError, ResourceNotFoundError } from "../../core/errors.ts";
import type { KV } from "../../core/types.ts";
import { ENDPOINTS, ENDPOINTS_GONE } from "../keys.ts";
import { type Change, change, decoded } from "../tenant/change.ts";
import { hintOf, newSecret } from "./signing.ts";
import type {
  DeletedEndpoint,
  Endpoint,
  EndpointFields,
  EndpointList,
  EndpointQuery,
  WireEndpoint,
  WireEndpointWithSecret,
} from "./types.ts";

/** Most endpoints of a tenant. With their names and addresses they are far below what one record takes. */
export const MAX_ENDPOINTS = 100;
/** How long a secret counts that was replaced and kept. */
const OLD_SECONDS = 86_400;
/** Hex digits of the time in an id: ids sort by age. */
const TIME_DIGITS = 12;

export class Endpoints {
  readonly #kv: KV;

  constructor(kv: KV) {
    this.#kv = kv;
  }

  /** All of them, the oldest first. */
  async all(): Promise<Endpoint[]> {
    const record = await this.#kv.get(ENDPOINTS);
    return record ? decoded<Endpoint[]>(record) : [];
  }

  create(fields: EndpointFields, now: number): Promise<WireEndpointWithSecret> {
    return change(this.#kv, async (c) => {
      const endpoints = await allOf(c);
      if (endpoints.length >= MAX_ENDPOINTS) {
        throw new InvalidRequestError(
          `Webhook endpoint limit reached. Limit: ${MAX_ENDPOINTS} endpoints. Please delete those that are no longer needed.`,
          { code: "webhook_endpoint_limit_reached" },
        );
      }
      const endpoint: Endpoint = {
        ...{ id: newEndpointId(endpoints.at(-1)?.id), ...fields, created_at: now, updated_at: now },
        ...{ secret: newSecret(), old: null },
      };
      c.set(ENDPOINTS, [...endpoints, endpoint]);
      return withSecret(endpoint);
    });
  }

  /** Newest first. `after` has its place in the order, whether or not it is there. */
  async list({ after, limit }: EndpointQuery): Promise<EndpointList> {
    const found = (await this.all()).reverse().filter(({ id }) => after === undefined || id < after);
    const data = found.slice(0, limit).map(wire);
    const [first_id, last_id] = [data[0]?.id ?? null, data.at(-1)?.id ?? null];
    return { object: "list", data, first_id, last_id, has_more: found.length > data.length };
  }

  async find(id: string): Promise<Endpoint> {
    const found = (await this.all()).find((endpoint) => endpoint.id === id);
    if (!found) throw noSuchEndpoint(id);
    return found;
  }

  async retrieve(id: string): Promise<WireEndpoint> {
    return wire(await this.find(id));
  }

  async update(id: string, fields: Partial<EndpointFields>, now: number): Promise<WireEndpoint> {
    const updated = await this.#change(id, (endpoint) => {
      const next = { ...endpoint, ...fields };
      // What changes nothing is no change.
      return JSON.stringify(next) === JSON.stringify(endpoint) ? endpoint : { ...next, updated_at: now };
    });
    return wire(updated);
  }

  async rotateSecret(id: string, keepsOld: boolean, now: number): Promise<WireEndpointWithSecret> {
    const rotated = await this.#change(id, (endpoint) => ({
      ...endpoint,
      ...{ secret: newSecret(), updated_at: now },
      old: keepsOld ? { secret: endpoint.secret, until: now + OLD_SECONDS } : null,
    }));
    return withSecret(rotated);
  }

  /** Nothing more is sent to it; what waits for it is thrown away later. */
  delete(id: string): Promise<DeletedEndpoint> {
    return change(this.#kv, async (c) => {
      const endpoints = await allOf(c);
      const left = endpoints.filter((endpoint) => endpoint.id !== id);
      if (left.length === endpoints.length) throw noSuchEndpoint(id);
      c.set(ENDPOINTS, left);
      c.set(ENDPOINTS_GONE + id, null);
      return { id, object: "webhook_endpoint.deleted", deleted: true };
    });
  }

  #change(id: string, made: (endpoint: Endpoint) => Endpoint): Promise<Endpoint> {
    return change(this.#kv, async (c) => {
      const endpoints = await allOf(c);
      const at = endpoints.findIndex((endpoint) => endpoint.id === id);
      const found = endpoints[at];
      if (!found) throw noSuchEndpoint(id);
      const next = made(found);
      if (next !== found) c.set(ENDPOINTS, endpoints.with(at, next));
      return next;
    });
  }
}

/** All of them, as part of a change. */
export async function allOf(c: Change): Promise<Endpoint[]> {
  return (await c.get<Endpoint[]>(ENDPOINTS)) ?? [];
}

/** Whether a text has the form of an endpoint's id. */
export function isEndpointId(text: string): boolean {
  return /^whe_[0-9a-f]{32}$/.test(text);
}

/** Above that of the newest endpoint, also within a millisecond or after the clock was set back. */
function newEndpointId(newest: string | undefined): string {
  const last = newest === undefined ? 0 : Number.parseInt(newest.slice(4, 4 + TIME_DIGITS), 16);
  const time = Math.max(Date.now(), last + 1);
  const random = crypto.randomUUID().replaceAll("-", "");
  return `whe_${time.toString(16).padStart(TIME_DIGITS, "0")}${random.slice(TIME_DIGITS)}`;
}

function wire(endpoint: Endpoint): WireEndpoint {
  const { id, name, url, event_types, created_at, updated_at, secret } = endpoint;
  return {
    ...{ id, object: "webhook_endpoint", name, url, event_types, created_at, updated_at },
    signing_secret_hint: hintOf(secret),
  };
}

function withSecret(endpoint: Endpoint): WireEndpointWithSecret {
  return { ...wire(endpoint), signing_secret: endpoint.secret };
}

function noSuchEndpoint(id: string): ResourceNotFoundError {
  return new ResourceNotFoundError(`No such WebhookEndpoint object: ${id}`, { param: "id" });
}
