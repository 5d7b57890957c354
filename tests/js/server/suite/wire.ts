/** Calls as no client of OpenAI's makes them, and what a refusal must look like. */

import { strict as assert } from "node:assert";

export interface Expected {
  message: string | RegExp;
  param?: string | null;
  code?: string | null;
}

type Call = [method: string, path: string, body?: unknown, headers?: Record<string, string>];

/** Calls to one Worker. */
export function wire(url: () => string) {
  async function call(...[method, path, body, headers = {}]: Call) {
    const json =
      body !== undefined &&
      typeof body !== "string" &&
      !(body instanceof FormData) &&
      !(body instanceof Uint8Array);
    const response = await fetch(url() + path, {
      method,
      headers: { ...(json && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: json ? JSON.stringify(body) : (body as BodyInit) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? JSON.parse(text) : undefined,
    };
  }

  /** Checks status and envelope: all four keys, and nothing of the inside. */
  async function refused(
    status: number,
    expected: Expected,
    ...[method, path, body, headers]: Call
  ): Promise<Headers> {
    const answer = await call(method, path, body, headers);
    assert.equal(answer.status, status, answer.text);
    assert.deepEqual(Object.keys(answer.body), ["error"]);
    const { error } = answer.body;
    assert.deepEqual(Object.keys(error), ["message", "type", "param", "code"]);
    if (typeof expected.message === "string") assert.equal(error.message, expected.message);
    else assert.match(error.message, expected.message);
    assert.equal(error.type, "invalid_request_error");
    assert.equal(error.param, expected.param ?? null);
    assert.equal(error.code, expected.code ?? null);
    assert.match(answer.headers.get("x-request-id") ?? "", /^req_[0-9a-f]{32}$/);
    return answer.headers;
  }

  return { call, refused };
}

/** A form as browsers send it, with a file unless its content is null. */
export function form(
  fields: Record<string, string>,
  content: string | null = "{}\n",
  name = "in.jsonl",
): FormData {
  const data = new FormData();
  for (const [key, value] of Object.entries(fields)) data.set(key, value);
  if (content !== null) data.set("file", new File([content], name));
  return data;
}
