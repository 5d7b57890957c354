/**
 * A server with files, uploads and batches that is as strict as OpenAI's: it refuses what it does not know, wants a key,
 * and knows no idempotency keys. A script says what goes wrong.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";

/** What happens to a call: nothing happens and the connection breaks; it is done and its answer lost; or a refusal. */
export type Mishap = "break" | "lose" | Refusal;

/** `early`: before the body has come, and the connection is closed on whoever sends it. */
interface Refusal {
  status: number;
  headers?: Record<string, string>;
  body?: string;
  early?: boolean;
}

type Fields = Record<string, unknown>;

export class OpenAIServer {
  readonly key = "sk-test-1234567890abcdef";
  /** `POST /batches` and so on, with the query, in order. */
  readonly calls: string[] = [];
  readonly files = new Map<string, { filename: string; bytes: Buffer; purpose: string }>();
  readonly batches: (Fields & { id: string })[] = [];
  /** Sizes of the parts of uploads that came. */
  readonly parts: number[] = [];
  /** Where downloads began that were not of all. */
  readonly ranges: number[] = [];
  /** The script: what goes wrong with a call. */
  mishap: (call: string) => Mishap | undefined = () => undefined;
  /** A download ends after so many bytes, once. */
  cutAfter = 0;
  /** Added to the time that it says it is. */
  skewMs = 0;
  hasUploads = true;
  /** A batch may be asked for with parameters that it does not know. */
  ignoresUnknown = false;
  hasRanges = true;
  models = ["text-embedding-9", "gpt-test"];
  readonly #uploads = new Map<string, { filename: string; bytes: number; parts: Map<string, Buffer> }>();
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #ids = 0;
  url = "";

  /** Listens on a free port, or again on the one it had. */
  async listen(): Promise<string> {
    const port = this.url === "" ? 0 : Number(new URL(this.url).port);
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    if (this.url === "") after(() => this.close());
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
    return this.url;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** How often a call was made. */
  count(call: string): number {
    return this.calls.filter((made) => made === call).length;
  }

  /** Resolves once a call has been made so often. */
  async saw(call: string, times = 1): Promise<void> {
    while (this.count(call) < times) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** The first batch, once there is one. */
  async made(): Promise<Fields & { id: string }> {
    for (;;) {
      const [batch] = this.batches;
      if (batch !== undefined) return batch;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** A batch that is under way. */
  addBatch(more: Fields = {}): Fields & { id: string } {
    const id = `batch_${this.#newId()}`;
    const batch = {
      ...{ id, object: "batch", endpoint: "/v1/chat/completions", errors: null, completion_window: "24h" },
      ...{ status: "in_progress", input_file_id: "file-in", output_file_id: null, error_file_id: null },
      ...{ created_at: Math.floor(Date.now() / 1_000) - 100, completed_at: null, metadata: null },
      ...{ request_counts: { total: 3, completed: 1, failed: 0 }, ...more },
    };
    this.batches.unshift(batch);
    return batch;
  }

  addFile(text: string, filename = "out.jsonl", purpose = "batch_output"): string {
    const id = `file-${this.#newId()}`;
    this.files.set(id, { filename, bytes: Buffer.from(text), purpose });
    return id;
  }

  #newId(): string {
    this.#ids += 1;
    return createHash("sha256").update(String(this.#ids)).digest("hex").slice(0, 24);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url as string, "http://server");
    const call = `${request.method} ${url.pathname.replace(/^\/v1/, "")}`;
    this.calls.push(call);
    response.setHeader("date", new Date(Date.now() + this.skewMs).toUTCString());
    const mishap = this.mishap(call);
    if (mishap === "break") {
      response.destroy();
      return;
    }
    const chunks: Buffer[] = [];
    if (typeof mishap !== "object" || !mishap.early) {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    }
    if (mishap !== undefined && mishap !== "lose") {
      response.writeHead(mishap.status, { "content-type": "application/json", ...mishap.headers });
      response.end(mishap.body ?? JSON.stringify(error("it went wrong")));
      return;
    }
    const { status, body, headers } = await this.#do(request, call, url, Buffer.concat(chunks));
    if (mishap === "lose") {
      response.destroy();
      return;
    }
    if (!(body instanceof Buffer)) {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      return;
    }
    response.writeHead(status, { ...headers, "content-length": body.length });
    if (this.cutAfter === 0 || body.length <= this.cutAfter) {
      response.end(body);
      return;
    }
    response.write(body.subarray(0, this.cutAfter), () => response.destroy());
    this.cutAfter = 0;
  }

  async #do(
    request: IncomingMessage,
    call: string,
    url: URL,
    bytes: Buffer,
  ): Promise<{ status: number; body: unknown; headers?: Record<string, string> }> {
    const refused = (status: number, message: string) => ({ status, body: error(message) });
    if (request.headers.authorization !== `Bearer ${this.key}`) {
      // As careless as some are: it repeats what it was sent.
      return refused(401, `Incorrect API key provided: ${request.headers.authorization?.slice(7) ?? "none"}`);
    }
    const [, room, id, what] = url.pathname.replace(/^\/v1/, "").split("/").map(decodeURIComponent);
    const fields = async () =>
      Object.fromEntries(
        await new Response(bytes as unknown as BodyInit, {
          headers: { "content-type": request.headers["content-type"] as string },
        }).formData(),
      ) as Record<string, string | File>;
    const json = () => JSON.parse(bytes.toString()) as Fields;
    const only = (given: object, names: string[]) => Object.keys(given).find((name) => !names.includes(name));
    const good = (body: unknown) => ({ status: 200, body });

    if (call === "GET /models")
      return good({ object: "list", data: this.models.map((name) => ({ id: name })) });
    if (call === "POST /chat/completions") {
      const unknown = only(json(), ["model", "messages", "max_completion_tokens"]);
      if (unknown !== undefined) return refused(400, `Unknown parameter: '${unknown}'.`);
      return good({ choices: [{ message: { content: "ok" } }], model: json().model });
    }
    if (room === "batches") {
      const wrong = only(
        Object.fromEntries(url.searchParams),
        call === "GET /batches" ? ["after", "limit"] : [],
      );
      if (wrong !== undefined) return refused(400, `Unknown parameter: '${wrong}'.`);
      if (call === "GET /batches") return good(this.#page(url.searchParams));
      if (call === "POST /batches") {
        const params = json();
        const unknown = only(params, ["input_file_id", "endpoint", "completion_window", "metadata"]);
        if (unknown !== undefined && !this.ignoresUnknown)
          return refused(400, `Unknown parameter: '${unknown}'.`);
        if (!this.files.has(params.input_file_id as string)) return refused(400, "No such file");
        if (params.completion_window !== "24h") return refused(400, "Invalid value for 'completion_window'.");
        const { edgebatch: _, ...known } = params;
        return good(this.addBatch({ ...known, status: "validating", request_counts: null }));
      }
      const batch = this.batches.find((one) => one.id === id);
      if (batch === undefined) return refused(404, `No batch found with id '${id}'.`);
      if (what === "cancel") {
        if (!["validating", "in_progress"].includes(batch.status as string))
          return refused(409, `Cannot cancel a batch with status '${batch.status}'.`);
        batch.status = "cancelling";
      }
      return good(batch);
    }
    if (call === "POST /files") {
      const { purpose, file, ...rest } = await fields();
      if (purpose !== "batch" || Object.keys(rest).length > 0 || !(file instanceof File))
        return refused(400, "form");
      return good(this.#shown(this.addFile(await file.text(), file.name, "batch")));
    }
    if (room === "files" && this.files.has(id as string)) {
      if (request.method === "DELETE") {
        this.files.delete(id as string);
        return good({ id, object: "file", deleted: true });
      }
      if (what !== "content") return good(this.#shown(id as string));
      return this.#content(id as string, request.headers.range);
    }
    if (call === "GET /files") {
      const data = [...this.files.keys()].map((file) => this.#shown(file));
      return good({ object: "list", data: data.filter((file) => file.purpose === "batch"), has_more: false });
    }
    if (room === "uploads" && this.hasUploads) return good(await this.#upload(id, what, json, fields));
    return refused(404, `Invalid URL (${call})`);
  }

  #page(query: URLSearchParams) {
    const from = this.batches.findIndex(({ id }) => id === query.get("after")) + 1;
    const data = this.batches.slice(from, from + Number(query.get("limit") ?? 20));
    return { object: "list", data, has_more: from + data.length < this.batches.length };
  }

  #shown(id: string) {
    const { filename, bytes, purpose } = this.files.get(id) as {
      filename: string;
      bytes: Buffer;
      purpose: string;
    };
    return { id, object: "file", filename, bytes: bytes.length, purpose };
  }

  #content(id: string, range: string | undefined) {
    const bytes = this.files.get(id)?.bytes as Buffer;
    const from = this.hasRanges ? Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0) : 0;
    if (from === 0) return { status: 200, body: bytes };
    this.ranges.push(from);
    const headers = { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    return { status: 206, body: bytes.subarray(from), headers };
  }

  async #upload(
    id: string | undefined,
    what: string | undefined,
    json: () => Fields,
    fields: () => Promise<Record<string, string | File>>,
  ): Promise<unknown> {
    if (id === undefined) {
      const { filename, bytes } = json() as { filename: string; bytes: number };
      const made = `upload_${this.#newId()}`;
      this.#uploads.set(made, { filename, bytes, parts: new Map() });
      return { id: made, object: "upload" };
    }
    const upload = this.#uploads.get(id);
    if (upload === undefined) return error("no such upload");
    if (what === "parts") {
      const part = Buffer.from(await ((await fields()).data as File).arrayBuffer());
      const made = `part_${this.#newId()}`;
      this.parts.push(part.length);
      upload.parts.set(made, part);
      return { id: made, object: "upload.part" };
    }
    const bytes = Buffer.concat(
      (json().part_ids as string[]).map((part) => upload.parts.get(part) as Buffer),
    );
    if (bytes.length !== upload.bytes) return error("bytes are missing");
    return {
      id,
      object: "upload",
      file: this.#shown(this.addFile(bytes.toString(), upload.filename, "batch")),
    };
  }
}

function error(message: string) {
  return { error: { message, type: "invalid_request_error", param: null, code: null } };
}
