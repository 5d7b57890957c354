/** The embedded model, asked without a service around it. */
import assert from "node:assert/strict";
import { echoInference } from "../../../js/hosts/inference/echo.ts";

export const echo = echoInference();
export const signal = new AbortController().signal;
export const encode = (body: unknown): Uint8Array =>
  new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
export type Json = any;

export async function post(
  url: string,
  body: unknown,
): Promise<{ status: number; json: Json; requestId?: string }> {
  const answer = await echo.infer({ url, body: encode(body), idempotencyKey: "k" }, signal);
  const { body: bytes, ...rest } = answer;
  return { ...rest, json: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) };
}

/** Asks something that is right: the model is filled in. */
export async function ok(url: string, body: object): Promise<Json> {
  const { status, json } = await post(url, { model: "echo-1", ...body });
  assert.equal(status, 200, JSON.stringify(json));
  return json;
}

export const CHAT = "/v1/chat/completions";
export const said = (json: Json): string => json.choices[0].message.content;
export const user = (content: unknown) => ({ role: "user", content });
