/** Long lists, answered page by page as they are read: however many ask for ten thousand files, little is held. */

import type { FileList, FileQuery, WireFile } from "./tenant/types.ts";

/** The answer to a list: one body, of as many pages as the limit takes. */
export async function listing(
  query: FileQuery,
  page: (query: FileQuery) => Promise<FileList>,
): Promise<Response> {
  const first = await page(query);
  if (first.data.length === query.limit || !first.has_more) return Response.json(first);
  const encoder = new TextEncoder();
  const texts = pieces(query, first, page);
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await texts.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { "content-type": "application/json" } });
}

async function* pieces(
  query: FileQuery,
  first: FileList,
  page: (query: FileQuery) => Promise<FileList>,
): AsyncGenerator<string, undefined> {
  let [at, limit] = [first, query.limit];
  yield `{"object":"list","data":[${items(first.data)}`;
  while (at.has_more && at.last_id !== null) {
    limit -= at.data.length;
    if (limit === 0) break;
    const next = await page({ ...query, limit, after: at.last_id });
    // What was left is gone since.
    if (next.data.length === 0) {
      at = { ...at, has_more: next.has_more };
      break;
    }
    at = next;
    yield `,${items(at.data)}`;
  }
  const { has_more, last_id } = at;
  yield `],${JSON.stringify({ has_more, first_id: first.first_id, last_id }).slice(1)}`;
}

function items(files: WireFile[]): string {
  return JSON.stringify(files).slice(1, -1);
}
