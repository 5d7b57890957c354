/** Guards webhooks as OpenAI has them: both clients manage endpoints, what comes verifies, and no crash swallows an event. */

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import type OpenAI from "openai";
import { APIError, InvalidWebhookSignatureError, NotFoundError } from "openai";
import { chatLines, createBatch, ended, until } from "./batches.ts";
import { runPython } from "./python/client.ts";
import { type Message, startReceiver } from "./receiver.ts";
import { type Started, startServer } from "./server.ts";
import { wire } from "./wire.ts";

let server: Started;
before(async () => {
  server = await startServer({ WEBHOOK_ALLOW_PRIVATE: "1", MAX_CONCURRENT_BATCHES: "5" });
});
after(() => server.stop());
const { call, refused } = wire(() => server.url);

const event_types: OpenAI.Webhooks.WebhookCreateParams["event_types"] = [
  ...(["batch.completed", "batch.failed", "batch.expired", "batch.cancelled"] as const),
];
const url = "https://hooks.example.com/batches";
const unwrap = ({ body, headers }: Message, secret: string) =>
  server.client.webhooks.unwrap(body, headers, secret);

async function removeAll(client: OpenAI): Promise<void> {
  for await (const { id } of client.webhooks.list()) await client.webhooks.delete(id);
}

test("openai-node manages endpoints, whose secret is told when it is made, and then no more", async () => {
  const { webhooks } = server.client;
  assert.deepEqual((await webhooks.eventTypes.list()).data, event_types);
  const made = await webhooks.create({ name: "one", url, event_types: ["batch.failed"] });
  const { signing_secret, _request_id, ...endpoint } = made;
  assert.match(signing_secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  assert.match(endpoint.id, /^whe_[0-9a-f]{32}$/);
  const { id, created_at, updated_at } = endpoint;
  assert.deepEqual(endpoint, {
    ...{ id, object: "webhook_endpoint", name: "one", url, event_types: ["batch.failed"] },
    ...{
      created_at,
      updated_at: created_at,
      signing_secret_hint: `whsec_****${signing_secret.slice(-5, -1)}`,
    },
  });
  assert.ok(Math.abs(created_at - Date.now() / 1000) < 60 && updated_at === created_at);
  const found = await webhooks.retrieve(id);
  assert.deepEqual({ ...found, _request_id }, { ...endpoint, _request_id });
  assert.equal((await webhooks.update(id)).updated_at, created_at);
  const changed = await webhooks.update(id, { name: "two", event_types: ["batch.expired", "batch.expired"] });
  assert.deepEqual([changed.name, changed.url, changed.event_types], ["two", url, ["batch.expired"]]);
  const rotated = await webhooks.rotateSecret(id);
  assert.notEqual(rotated.signing_secret, signing_secret);
  assert.ok(!JSON.stringify(await webhooks.retrieve(id)).includes(rotated.signing_secret));
  const deleted = await webhooks.delete(id);
  assert.deepEqual([deleted.id, deleted.object, deleted.deleted], [id, "webhook_endpoint.deleted", true]);
  await assert.rejects(webhooks.retrieve(id).then(), NotFoundError);
});

test("endpoints are listed newest first, page by page, while they are deleted; there are 100 at most", async () => {
  const { client } = server;
  await removeAll(client);
  const ids: string[] = [];
  for (let i = 0; i < 100; i++)
    ids.unshift((await client.webhooks.create({ name: `${i}`, url, event_types })).id);
  const message = /^Webhook endpoint limit reached\. Limit: 100 endpoints\./;
  const more = ["POST", "/v1/webhook_endpoints", { name: "x", url, event_types }] as const;
  await refused(400, { message, code: "webhook_endpoint_limit_reached" }, ...more);
  const page = await client.webhooks.list({ limit: 7 });
  assert.deepEqual(
    page.data.map(({ id }) => id),
    ids.slice(0, 7),
  );
  const { body } = await call("GET", `/v1/webhook_endpoints?after=${ids[97]}`);
  assert.deepEqual(
    [body.object, body.first_id, body.last_id, body.has_more],
    ["list", ids[98], ids[99], false],
  );
  const paged: string[] = [];
  for await (const { id } of client.webhooks.list({ limit: 9 })) {
    paged.push(id);
    await client.webhooks.delete(id);
  }
  assert.deepEqual(paged, ids);
  const empty = await call("GET", "/v1/webhook_endpoints");
  assert.deepEqual(empty.body, { object: "list", data: [], first_id: null, last_id: null, has_more: false });
});

test("what is wrong with an endpoint is said by the name of the parameter", async () => {
  const good = { name: "n", url, event_types };
  const path = "/v1/webhook_endpoints";
  const wrong = (change: object, param: string, code: string, message: RegExp) =>
    refused(400, { message, param, code }, "POST", path, { ...good, ...change });
  await wrong(
    { name: undefined },
    "name",
    "missing_required_parameter",
    /^Missing required parameter: 'name'/,
  );
  await wrong({ url: undefined }, "url", "missing_required_parameter", /'url'/);
  await wrong({ event_types: undefined }, "event_types", "missing_required_parameter", /'event_types'/);
  await wrong({ name: 7 }, "name", "invalid_type", /expected a string, but got an integer/);
  await wrong({ name: " " }, "name", "empty_string", /minimum length 1/);
  await wrong({ name: "x".repeat(257) }, "name", "string_above_max_length", /maximum length 256/);
  await wrong({ url: "http://example.com" }, "url", "invalid_value", /https:/);
  await wrong({ url: `${url}/${"x".repeat(2048)}` }, "url", "invalid_value", /2048/);
  await wrong({ url: "https://a:b@example.com/" }, "url", "invalid_value", /user name/);
  await wrong({ event_types: [] }, "event_types", "empty_array", /empty array/);
  await wrong({ event_types: "batch.failed" }, "event_types", "invalid_type", /an array of strings/);
  const supported = /^Invalid value: 'response.completed'\. Supported values are: 'batch.completed'/;
  await wrong(
    { event_types: ["batch.failed", "response.completed"] },
    "event_types[1]",
    "invalid_value",
    supported,
  );
  await wrong({ secret: "x" }, "secret", "unknown_parameter", /^Unknown parameter: 'secret'/);
  const missing = { message: "No such WebhookEndpoint object: whe_no", param: "id" };
  await refused(404, missing, "GET", `${path}/whe_no`);
  await refused(404, missing, "DELETE", `${path}/whe_no`);
  await refused(404, missing, "POST", `${path}/whe_no`, { name: "n" });
  await refused(404, missing, "POST", `${path}/whe_no/rotate_secret`);
  await refused(404, missing, "POST", `${path}/whe_no/test`, { event_type: "batch.failed" });
  await refused(400, { message: /'after'/, param: "after", code: "invalid_value" }, "GET", `${path}?after=1`);
  const tooMany = { message: /<= 100/, param: "limit", code: "integer_above_max_value" };
  await refused(400, tooMany, "GET", `${path}?limit=101`);
  await refused(405, { message: /^Not allowed to PUT/ }, "PUT", path, good);
});

test("a test is sent at once, and whatever the endpoint answers is its result", async () => {
  const { client } = server;
  const receiver = await startReceiver(({ path }) => Number(path.slice(1)), {
    location: "https://example.com/",
  });
  after(() => receiver.close());
  for (const status of [200, 204, 302, 410, 500]) {
    const made = await client.webhooks.create({ name: "n", url: `${receiver.url}/${status}`, event_types });
    const { _request_id, ...tested } = await client.webhooks.test(made.id, { event_type: "batch.cancelled" });
    assert.deepEqual(tested, {
      ...{ object: "webhook_endpoint.test", webhook_endpoint_id: made.id, event_type: "batch.cancelled" },
      ...{ status_code: status, success: true },
    });
    const [message] = receiver.messages.splice(0) as [Message];
    const event = await unwrap(message, made.signing_secret);
    assert.deepEqual([event.type, event.id], ["batch.cancelled", message.headers["webhook-id"]]);
    assert.equal(message.headers["content-type"], "application/json");
    assert.match(message.headers["user-agent"] ?? "", /^edgebatch/);
  }
  await receiver.close();
  const gone = await client.webhooks.create({ name: "n", url: receiver.url, event_types });
  await assert.rejects(client.webhooks.test(gone.id, { event_type: "batch.failed" }).then(), (error) => {
    assert.ok(error instanceof APIError);
    assert.deepEqual([error.status, error.code], [400, "webhook_endpoint_unreachable"]);
    return true;
  });
  await removeAll(client);
});

test("however a batch ends, an event comes that openai-node verifies; endpoints get what they asked for", async () => {
  const { client } = server;
  const receiver = await startReceiver();
  after(() => receiver.close());
  const all = await client.webhooks.create({ name: "all", url: `${receiver.url}/all`, event_types });
  await client.webhooks.create({
    name: "failed",
    url: `${receiver.url}/failed`,
    event_types: ["batch.failed"],
  });
  const completed = await ended(client, (await createBatch(client, chatLines(3))).id);
  const failed = await ended(client, (await createBatch(client, "{}\n")).id);
  const { id: third } = await createBatch(client, chatLines(20_000));
  await client.batches.cancel(third);
  const cancelled = await ended(client, third);
  assert.equal(cancelled.status, "cancelled");
  const of = (path: string) => receiver.messages.filter((message) => message.path === path);
  await until("all came", () => receiver.messages.length >= 4);
  const events = await Promise.all(of("/all").map((message) => unwrap(message, all.signing_secret)));
  const told = new Map(events.map((event) => [event.type, event]));
  for (const [type, batch, at] of [
    ["batch.completed", completed, completed.completed_at],
    ["batch.failed", failed, failed.failed_at],
    ["batch.cancelled", cancelled, cancelled.cancelled_at],
  ] as const) {
    const { id } = told.get(type) ?? { id: "" };
    assert.match(id, /^evt_[0-9a-f]{32}$/);
    assert.deepEqual(told.get(type), { id, object: "event", type, created_at: at, data: { id: batch.id } });
  }
  const [only] = of("/failed") as [Message];
  assert.equal(JSON.parse(only.body).data.id, failed.id);
  // Another secret, another body or another time is found out.
  await assert.rejects(unwrap(only, all.signing_secret), InvalidWebhookSignatureError);
  const [message] = of("/all") as [Message];
  const forged = { ...message, body: message.body.replace("batch_", "batch-") };
  await assert.rejects(unwrap(forged, all.signing_secret), InvalidWebhookSignatureError);
  await removeAll(client);
  assert.equal(receiver.messages.length, 4);
});

test("a secret that was replaced and kept still verifies, and one that was not does not", async () => {
  const { client } = server;
  const receiver = await startReceiver();
  after(() => receiver.close());
  const made = await client.webhooks.create({ name: "n", url: receiver.url, event_types });
  const next = await client.webhooks.rotateSecret(made.id, { keep_old_secret_active_for_24_hours: true });
  const send = async () => {
    await client.webhooks.test(made.id, { event_type: "batch.completed" });
    return receiver.messages.splice(0)[0] as Message;
  };
  const both = await send();
  assert.equal(both.headers["webhook-signature"]?.split(" ").length, 2);
  for (const { signing_secret } of [made, next]) await unwrap(both, signing_secret);
  const last = await client.webhooks.rotateSecret(made.id);
  const one = await send();
  await unwrap(one, last.signing_secret);
  for (const { signing_secret } of [made, next]) {
    await assert.rejects(unwrap(one, signing_secret), InvalidWebhookSignatureError);
  }
  await removeAll(client);
});

test("openai-python manages endpoints and verifies what comes", async (t) => {
  const receiver = await startReceiver();
  after(() => receiver.close());
  const messages = async () => {
    await until("it came", () => receiver.messages.length > 0);
    return receiver.messages;
  };
  const secret = await runPython("webhooks.py", `${server.url}/v1`, receiver.url);
  const out = await runPython("webhooks_verify.py", secret.trim(), JSON.stringify(await messages()));
  for (const line of out.trim().split("\n")) t.diagnostic(line);
  assert.equal(out.match(/^ok /gm)?.length, 2);
});

test("addresses of this machine and of networks around it are refused where nothing allows them", async () => {
  const strict = await startServer();
  after(() => strict.stop());
  const { refused, call } = wire(() => strict.url);
  const path = "/v1/webhook_endpoints";
  for (const host of [
    "localhost",
    "127.0.0.1:1",
    "0x7f000001",
    "[::1]",
    "[::ffff:10.0.0.1]",
    "169.254.169.254",
  ]) {
    const expected = { message: /is private/, param: "url", code: "invalid_value" };
    await refused(400, expected, "POST", path, { name: "n", url: `https://${host}/`, event_types });
  }
  const plain = { message: /https:/, param: "url", code: "invalid_value" };
  await refused(400, plain, "POST", path, { name: "n", url: "http://127.0.0.1/", event_types });
  const made = await call("POST", path, { name: "n", url, event_types });
  assert.equal(made.status, 200);
  await refused(400, plain, "POST", `${path}/${made.body.id}`, { url: "http://127.0.0.1/" });
});

test("endpoints of one tenant are none of another's, and its events go to no other", async () => {
  const hash = async (key: string) =>
    Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(key))).toString("hex");
  const keys = `alice:${await hash("sk-alice")},bob:${await hash("sk-bob")}`;
  const shared = await startServer({ API_KEYS: keys, WEBHOOK_ALLOW_PRIVATE: "1" });
  const receiver = await startReceiver();
  after(async () => Promise.all([shared.stop(), receiver.close()]));
  const [alice, bob] = ["sk-alice", "sk-bob"].map((apiKey) => shared.client.withOptions({ apiKey })) as [
    OpenAI,
    OpenAI,
  ];
  const { id } = await alice.webhooks.create({ name: "n", url: `${receiver.url}/alice`, event_types });
  await bob.webhooks.create({ name: "n", url: `${receiver.url}/bob`, event_types });
  await assert.rejects(bob.webhooks.retrieve(id).then(), NotFoundError);
  assert.equal((await bob.webhooks.list()).data.length, 1);
  await ended(bob, (await createBatch(bob, chatLines(1))).id);
  await until("it came", () => receiver.messages.length > 0);
  await ended(alice, (await createBatch(alice, chatLines(1))).id);
  await until("both came", () => receiver.messages.length > 1);
  assert.deepEqual(
    receiver.messages.map(({ path }) => path),
    ["/bob", "/alice"],
  );
});
