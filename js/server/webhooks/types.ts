/** A tenant's webhook endpoints: as on the wire, as they are kept, and what sends to them. */

/** What may be told of, which is how a batch can end. */
export const eventTypes = ["batch.completed", "batch.failed", "batch.expired", "batch.cancelled"] as const;

/** An endpoint. Times are Unix seconds. */
export interface WireEndpoint {
  id: string;
  object: "webhook_endpoint";
  name: string;
  url: string;
  event_types: string[];
  created_at: number;
  updated_at: number;
  signing_secret_hint: string;
}

/** The same with its secret, which is told once: when it is made. */
export interface WireEndpointWithSecret extends WireEndpoint {
  signing_secret: string;
}

export interface EndpointList {
  object: "list";
  data: WireEndpoint[];
  first_id: string | null;
  last_id: string | null;
  has_more: boolean;
}

export interface EndpointQuery {
  after?: string;
  limit: number;
}

export interface DeletedEndpoint {
  id: string;
  object: "webhook_endpoint.deleted";
  deleted: true;
}

export interface EndpointTest {
  object: "webhook_endpoint.test";
  webhook_endpoint_id: string;
  event_type: string;
  status_code: number;
  success: true;
}

/** What an endpoint is made of, or is to have from now on. */
export interface EndpointFields {
  name: string;
  url: string;
  event_types: string[];
}

/** What is kept of an endpoint: the secret too, as all that is sent is signed by it. */
export interface Endpoint extends EndpointFields {
  id: string;
  created_at: number;
  updated_at: number;
  secret: string;
  /** The secret before this one, where it is to count for a while. */
  old: { secret: string; until: number } | null;
}

/**
 * POSTs to an endpoint: the status of its answer, whose body is not read. A redirect is an answer like others. Rejects where there is
 * none, with a {@link PrivateAddressError} where the name leads to an address that it must not.
 */
export type SendWebhook = (url: string, message: WebhookMessage) => Promise<number>;

export interface WebhookMessage {
  headers: Record<string, string>;
  body: string;
  signal: AbortSignal;
}

/** An address of this machine, or of the network around it: whoever may set an endpoint is not to reach what is there. */
export class PrivateAddressError extends Error {
  override name = "PrivateAddressError";
}
