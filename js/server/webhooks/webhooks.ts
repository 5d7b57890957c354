/** A tenant's webhooks as routes see them. */

import { ApiError, InvalidRequestError } from "../../core/errors.ts";
import type { KV } from "../../core/types.ts";
import { now } from "../ids.ts";
import { wrongAddress } from "./address.ts";
import { deliver, type Sending } from "./delivery.ts";
import { Endpoints } from "./endpoints.ts";
import type {
  DeletedEndpoint,
  EndpointFields,
  EndpointList,
  EndpointQuery,
  EndpointTest,
  WireEndpoint,
  WireEndpointWithSecret,
} from "./types.ts";

/** Tests of a tenant's endpoints that are sent at once. */
const MOST_TESTS = 4;

/** For the routes. What is refused is an `ApiError`. */
export interface WebhookApi {
  createWebhook(fields: EndpointFields): Promise<WireEndpointWithSecret>;
  listWebhooks(query: EndpointQuery): Promise<EndpointList>;
  retrieveWebhook(id: string): Promise<WireEndpoint>;
  updateWebhook(id: string, fields: Partial<EndpointFields>): Promise<WireEndpoint>;
  deleteWebhook(id: string): Promise<DeletedEndpoint>;
  rotateWebhookSecret(id: string, keepsOld: boolean): Promise<WireEndpointWithSecret>;
  testWebhook(id: string, eventType: string): Promise<EndpointTest>;
}

export class Webhooks {
  readonly endpoints: Endpoints;
  readonly #sending: Sending;
  #tests = 0;

  constructor(kv: KV, sending: Sending) {
    this.endpoints = new Endpoints(kv);
    this.#sending = sending;
  }

  async create(fields: EndpointFields): Promise<WireEndpointWithSecret> {
    this.#checkAddress(fields.url);
    return this.endpoints.create(fields, now());
  }

  async update(id: string, fields: Partial<EndpointFields>): Promise<WireEndpoint> {
    if (fields.url !== undefined) this.#checkAddress(fields.url);
    return this.endpoints.update(id, fields, now());
  }

  /** Sends an event of no batch at once. Whatever the endpoint answers is the result; no answer is an error. */
  async test(id: string, eventType: string): Promise<EndpointTest> {
    const endpoint = await this.endpoints.find(id);
    if (this.#tests >= MOST_TESTS) {
      throw new ApiError({
        ...{ status: 429, type: "requests", param: null, code: "rate_limit_exceeded" },
        message: `Rate limit reached. Limit: ${MOST_TESTS} tests of webhook endpoints at once. Please try again once one has ended.`,
      });
    }
    this.#tests += 1;
    try {
      const outcome = await deliver(this.#sending, endpoint, exampleOf(eventType), now());
      if ("reason" in outcome) throw unanswered(outcome.reason);
      return {
        ...{ object: "webhook_endpoint.test", webhook_endpoint_id: id, event_type: eventType },
        ...{ status_code: outcome.status, success: true },
      };
    } finally {
      this.#tests -= 1;
    }
  }

  /** @throws InvalidRequestError */
  #checkAddress(url: string): void {
    const wrong = wrongAddress(url, this.#sending);
    if (wrong === null) return;
    throw new InvalidRequestError(`Invalid 'url': ${wrong}`, { param: "url", code: "invalid_value" });
  }
}

/** An event as that of a batch would be. */
function exampleOf(type: string): { id: string; body: string } {
  const id = `evt_${crypto.randomUUID().replaceAll("-", "")}`;
  const event = { id, object: "event", type, created_at: now(), data: { id: "batch_abc123" } };
  return { id, body: JSON.stringify(event) };
}

const reasons: Record<string, string> = {
  timeout: "it did not answer in time",
  private_address: "its address is private",
  ENOTFOUND: "its name is not known",
  ECONNREFUSED: "the connection was refused",
};

function unanswered(reason: string): InvalidRequestError {
  const why = reasons[reason] ?? `the connection failed (${reason})`;
  return new InvalidRequestError(`The webhook endpoint could not be reached: ${why}.`, {
    code: "webhook_endpoint_unreachable",
  });
}
