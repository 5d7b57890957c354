/** A model server that pages of any origin may call, and that counts. */

import { serve } from "../../hosts/model-server.ts";

export interface CountingModel {
  url: string;
  /** How often each line was asked for. */
  calls: Map<string, number>;
}

/** Answers every request with what it says, until the test file ends. */
export async function countingModel(): Promise<CountingModel> {
  const calls = new Map<string, number>();
  const url = await serve((request, response, body) => {
    response.setHeader("access-control-allow-origin", "*").setHeader("access-control-allow-headers", "*");
    if (request.method === "OPTIONS") {
      response.writeHead(204).end();
      return;
    }
    const [{ content }] = JSON.parse(body.toString()).messages;
    calls.set(content, (calls.get(content) ?? 0) + 1);
    const message = { role: "assistant", content };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    const answer = () =>
      response.setHeader("content-type", "application/json").end(JSON.stringify({ choices }));
    // As none would answer at once; a batch of these is killed in the middle.
    setTimeout(answer, 10);
  });
  return { url, calls };
}
