/** What streams look like, and what the same server answers in one piece: in the shapes that each has in its sources. */

export interface Shape {
  /** The server and its version. */
  of: string;
  url: string;
  stream: string;
  plain: unknown;
}

export const [CHAT, COMPLETIONS, RESPONSES] = ["/v1/chat/completions", "/v1/completions", "/v1/responses"];

/** Chunks as nearly every server writes them. */
export const sse = (chunks: unknown[], end = "data: [DONE]\n\n"): string =>
  chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("") + end;

/** Events as the responses API has them. */
export const events = (all: ({ type: string } & Record<string, unknown>)[]): string =>
  all.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
