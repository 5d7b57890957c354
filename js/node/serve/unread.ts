/**
 * Answers to requests whose body nobody read, or not to its end, as they were refused before. A connection that is closed while its client
 * sends is reset, and the client may never see the answer: so that has its end only when the request has.
 */

/** How long what nobody wants is read at most. */
const DRAIN_MS = 30_000;

/** The same answer; where the request has a body that is left, it is read on while the answer goes. */
export async function whileSent(request: Request, answer: Response): Promise<Response> {
  if (answer.status < 400 || request.method === "GET" || request.method === "HEAD") return answer;
  const { body } = request;
  if (body === null || body.locked) return answer;
  // Clients need not wait for the end where they know the length.
  const content = new Uint8Array(await answer.arrayBuffer());
  const headers = new Headers(answer.headers);
  headers.set("content-length", String(content.length));
  const chunks = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(content),
    async pull(controller) {
      await drain(body);
      controller.close();
    },
  });
  return new Response(chunks, { status: answer.status, statusText: answer.statusText, headers });
}

async function drain(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  const timer = setTimeout(() => void reader.cancel().catch(() => undefined), DRAIN_MS);
  try {
    while (!(await reader.read()).done);
  } catch {
    // The client is gone.
  } finally {
    clearTimeout(timer);
  }
}
