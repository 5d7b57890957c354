/** /v1/webhook_endpoints and /v1/webhook_event_types */

import { Hono } from "hono";
import { InvalidRequestError } from "../../core/errors.ts";
import { type HonoEnv, jsonObject } from "../http.ts";
import {
  checkLength,
  checkNames,
  limitOf,
  missingParameter,
  requiredString,
  wholeNumber,
  wrongType,
} from "../params.ts";
import { isEndpointId } from "../webhooks/endpoints.ts";
import { type EndpointFields, eventTypes } from "../webhooks/types.ts";

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;
const MAX_NAME_CHARS = 256;
const FIELDS = ["name", "url", "event_types"];

export const webhookRoutes = new Hono<HonoEnv>();

webhookRoutes.get("/webhook_event_types", (c) => c.json({ object: "list", data: eventTypes }));

webhookRoutes.get("/webhook_endpoints", async (c) => {
  const after = c.req.query("after");
  if (after && !isEndpointId(after)) {
    throw new InvalidRequestError("Invalid 'after': expected the id of a webhook endpoint.", {
      ...{ param: "after", code: "invalid_value" },
    });
  }
  const limit = wholeNumber("limit", limitOf(c.req.query("limit")) ?? DEFAULT_LIMIT, 0, MAX_LIMIT);
  return c.json(await c.var.tenant.listWebhooks({ ...(after && { after }), limit }));
});

webhookRoutes.post("/webhook_endpoints", async (c) => {
  const body = await jsonObject(c);
  checkNames(body, FIELDS);
  const { name, url, event_types } = fieldsOf(body);
  if (name === undefined) throw missingParameter("name");
  if (url === undefined) throw missingParameter("url");
  if (event_types === undefined) throw missingParameter("event_types");
  return c.json(await c.var.tenant.createWebhook({ name, url, event_types }));
});

webhookRoutes.get("/webhook_endpoints/:id", async (c) =>
  c.json(await c.var.tenant.retrieveWebhook(c.req.param("id"))),
);

webhookRoutes.post("/webhook_endpoints/:id", async (c) => {
  const body = await jsonObject(c);
  checkNames(body, FIELDS);
  return c.json(await c.var.tenant.updateWebhook(c.req.param("id"), fieldsOf(body)));
});

webhookRoutes.delete("/webhook_endpoints/:id", async (c) =>
  c.json(await c.var.tenant.deleteWebhook(c.req.param("id"))),
);

webhookRoutes.post("/webhook_endpoints/:id/rotate_secret", async (c) => {
  const body = await jsonObject(c, "or nothing");
  const keeps = "keep_old_secret_active_for_24_hours";
  checkNames(body, [keeps]);
  const keepsOld = body[keeps] ?? false;
  if (typeof keepsOld !== "boolean") throw wrongType(keeps, "a boolean", keepsOld);
  return c.json(await c.var.tenant.rotateWebhookSecret(c.req.param("id"), keepsOld));
});

webhookRoutes.post("/webhook_endpoints/:id/test", async (c) => {
  const body = await jsonObject(c);
  checkNames(body, ["event_type"]);
  const eventType = requiredString(body, "event_type");
  checkEventType("event_type", eventType);
  return c.json(await c.var.tenant.testWebhook(c.req.param("id"), eventType));
});

/** What a body says of an endpoint. @throws InvalidRequestError */
function fieldsOf(body: Record<string, unknown>): Partial<EndpointFields> {
  const { name, url, event_types } = body;
  if (name !== undefined) checkName(requiredString(body, "name"));
  return {
    ...(name !== undefined && { name: requiredString(body, "name") }),
    ...(url !== undefined && { url: requiredString(body, "url") }),
    ...(event_types !== undefined && { event_types: eventTypesOf(event_types) }),
  };
}

function checkName(name: string): void {
  checkLength("name", name, MAX_NAME_CHARS);
  if (name.trim() !== "") return;
  throw new InvalidRequestError("Invalid 'name': empty string. Expected a string with minimum length 1.", {
    ...{ param: "name", code: "empty_string" },
  });
}

function eventTypesOf(value: unknown): string[] {
  if (value === null) throw missingParameter("event_types");
  if (!Array.isArray(value)) throw wrongType("event_types", "an array of strings", value);
  if (value.length === 0) {
    throw new InvalidRequestError(
      "Invalid 'event_types': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      { param: "event_types", code: "empty_array" },
    );
  }
  const types = value.map((type: unknown, i) => checkEventType(`event_types[${i}]`, type));
  return [...new Set(types)];
}

function checkEventType(param: string, type: unknown): string {
  if (typeof type !== "string") throw wrongType(param, "a string", type);
  if ((eventTypes as readonly string[]).includes(type)) return type;
  const supported = eventTypes.map((each) => `'${each}'`).join(", ");
  const got = type.length > 100 ? `${type.slice(0, 100).toWellFormed()}…` : type;
  throw new InvalidRequestError(`Invalid value: '${got}'. Supported values are: ${supported}.`, {
    ...{ param, code: "invalid_value" },
  });
}
