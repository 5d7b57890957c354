/**
 * Guards events that are sent again. By the delays of the rules that takes more than a minute: in a file of its own, whose name has it
 * begin before most others, it waits beside them.
 */

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import type OpenAI from "openai";
import { chatLines, createBatch, until } from "./batches.ts";
import { type Message, startReceiver } from "./receiver.ts";
import { type Started, startServer } from "./server.ts";

let server: Started;
before(async () => {
  server = await startServer({ WEBHOOK_ALLOW_PRIVATE: "1" });
});
after(() => server.stop());

const event_types: OpenAI.Webhooks.WebhookCreateParams["event_types"] = ["batch.completed"];

test("an event that was refused, or was under way when the server was killed, comes again with the same id", async () => {
  const receiver = await startReceiver(({ path }) => {
    const nth = receiver.messages.filter((message) => message.path === path).length;
    // The first is refused at one endpoint, and never answered at the other.
    if (nth === 1) return path === "/refused" ? 503 : new Promise(() => {});
    return 200;
  });
  after(() => receiver.close());
  const { client } = server;
  for (const path of ["refused", "held"]) {
    await client.webhooks.create({ name: path, url: `${receiver.url}/${path}`, event_types });
  }
  const { id } = await createBatch(client, chatLines(2));
  await until("both came", () => receiver.messages.length >= 2);
  await server.kill();
  await server.restart();
  const of = (path: string) => receiver.messages.filter((message) => message.path === path);
  await until("both came again", () => of("/refused").length >= 2 && of("/held").length >= 2, 180_000);
  const ids = receiver.messages.map(({ headers }) => headers["webhook-id"]);
  assert.equal(new Set(ids).size, 1);
  assert.ok(receiver.messages.every(({ body }) => JSON.parse(body).data.id === id));
  const [before, again] = of("/held") as [Message, Message];
  assert.ok(again.time - before.time > 60_000, "it came again within a minute");
});
