/** What tests do with any server: lines, batches, and waiting for them. */

import { createServer } from "node:net";
import type OpenAI from "openai";

/** Waits until something holds. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms, but never: ${what}`);
    await new Promise((next) => setTimeout(next, 25));
  }
}

/** Waits for a batch to be done with. */
export async function ended(client: OpenAI, id: string, timeoutMs = 120_000): Promise<OpenAI.Batch> {
  let batch: OpenAI.Batch | undefined;
  await until(
    `batch ${id} is done with`,
    async () => {
      batch = await client.batches.retrieve(id);
      return ["completed", "failed", "expired", "cancelled"].includes(batch.status);
    },
    timeoutMs,
  );
  return batch as OpenAI.Batch;
}

/** Lines of a chat batch. */
export function chatLines(count: number, model = "echo-1"): string {
  const line = (i: number) =>
    JSON.stringify({
      custom_id: `request-${i}`,
      method: "POST",
      url: "/v1/chat/completions",
      body: { model, messages: [{ role: "user", content: `number ${i}` }] },
    });
  return Array.from({ length: count }, (_, i) => `${line(i)}\n`).join("");
}

/** Uploads lines and creates a batch over them. */
export async function createBatch(
  client: OpenAI,
  lines: string,
  more: Partial<OpenAI.BatchCreateParams> = {},
): Promise<OpenAI.Batch> {
  const file = await client.files.create({ purpose: "batch", file: new File([lines], "input.jsonl") });
  return client.batches.create({
    input_file_id: file.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
    ...more,
  });
}

/** The lines of a batch's output or error file. */
export async function linesOf(client: OpenAI, id: string | null | undefined): Promise<ResultLine[]> {
  if (!id) return [];
  const content = await (await client.files.content(id)).text();
  return content
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

export interface ResultLine {
  id: string;
  custom_id: string;
  response: { status_code: number; request_id: string; body: Record<string, unknown> } | null;
  error: { code: string; message: string } | null;
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((next) => server.listen(0, "127.0.0.1", next));
  const { port } = server.address() as { port: number };
  await new Promise((next) => server.close(next));
  return port;
}
