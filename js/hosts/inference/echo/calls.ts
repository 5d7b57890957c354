/** The embedded model for those who pass calls on. */

import type { Calls } from "../calls.ts";
import { type EchoInferenceOptions, echoInference } from "../echo.ts";

/** `echo-1` as a model server: it lists itself, and answers what is posted; chats as streams too, in one piece. */
export function echoCalls(options: EchoInferenceOptions = {}): Calls {
  const { infer } = echoInference(options);
  const id = options.model ?? "echo-1";
  return {
    infer,
    secrets: [],
    async call(path, { method, body, signal }) {
      if (method === "GET") {
        const model = { id, object: "model", created: 0, owned_by: "edgebatch" };
        return Response.json({ object: "list", data: [model] });
      }
      const given =
        body instanceof Uint8Array ? body : new Uint8Array(await new Response(body).arrayBuffer());
      const { streamed, usage, plain } = streamOf(path, given);
      const answer = await infer({ url: path, body: plain, idempotencyKey: "" }, signal);
      const { status, requestId = "" } = answer;
      const isStream = streamed && status === 200;
      const bytes = isStream ? events(answer.body, usage) : answer.body;
      const type = isStream ? "text/event-stream; charset=utf-8" : "application/json";
      const headers = { "content-type": type, "x-request-id": requestId };
      return new Response(bytes as Uint8Array<ArrayBuffer>, { status, headers });
    },
  };
}

/** Whether a body asks for a stream of a chat, and the body that asks for the same answer in one piece. */
function streamOf(path: string, body: Uint8Array): { streamed: boolean; usage: boolean; plain: Uint8Array } {
  const asItIs = { streamed: false, usage: false, plain: body };
  if (path !== "/v1/chat/completions") return asItIs;
  try {
    const asked = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body));
    if (asked?.stream !== true) return asItIs;
    const { stream: _, stream_options, ...rest } = asked;
    const plain = new TextEncoder().encode(JSON.stringify(rest));
    return { streamed: true, usage: stream_options?.include_usage === true, plain };
  } catch {
    // What is wrong with it the model says.
    return asItIs;
  }
}

/** A whole answer as server-sent events. */
function events(answer: Uint8Array, withUsage: boolean): Uint8Array {
  const { choices, usage, ...head } = JSON.parse(new TextDecoder().decode(answer));
  const common = { ...head, object: "chat.completion.chunk" };
  const deltas = choices.map(({ message, ...rest }: { message: { role: string; content: string } }) => ({
    ...rest,
    delta: { role: message.role, content: message.content },
  }));
  const chunks = [{ ...common, choices: deltas, ...(withUsage && { usage: null }) }];
  if (withUsage) chunks.push({ ...common, choices: [], usage });
  const text = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");
  return new TextEncoder().encode(`${text}data: [DONE]\n\n`);
}
