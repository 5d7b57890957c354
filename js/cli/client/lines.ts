/** A batch's finished lines, as they come, from a server that shows them before the batch has ended. */

import { CannotRun, print } from "../terminal.ts";
import { type Api, read, within } from "./api.ts";
import { ApiError, unreachable } from "./faults.ts";

/** A page of lines is a mebibyte, or one line. */
const mostBytes = 64 << 20;
const timeoutMs = 60_000;

/** Prints lines, each once. */
export class Lines {
  readonly #api: Api;
  readonly #path: string;
  readonly #id: string;
  /** Where the next line begins, as the server said. */
  after: string;
  /** Whether more may come. */
  incomplete = true;

  constructor(api: Api, id: string, after = "") {
    this.#api = api;
    this.#path = `/batches/${encodeURIComponent(id)}/results`;
    this.#id = id;
    this.after = after;
  }

  /** Prints what there is now. Whether there was anything. @throws CannotRun where the server shows no results before the end */
  async read(signal?: AbortSignal): Promise<boolean> {
    let any = false;
    while (this.incomplete) {
      const page = await this.#api.retry(() => this.#page(signal), signal);
      if (page.lines.length > 0) await print(page.lines);
      // Only now: what was not printed comes again.
      ({ after: this.after, incomplete: this.incomplete } = page);
      if (page.lines.length === 0) return any;
      any = true;
    }
    return any;
  }

  async #page(signal?: AbortSignal): Promise<{ lines: Uint8Array; after: string; incomplete: boolean }> {
    const query = { after: this.after || undefined };
    const headers = { accept: "application/x-ndjson" };
    const refused = new CannotRun(
      `${this.#api.connection.shown} shows no results of ${this.#id} before it has ended: leave out --lines`,
    );
    let response: Response;
    try {
      response = await this.#api.open({ path: this.#path, query, headers, signal });
    } catch (error) {
      // The batch is there: it is the path that is unknown.
      const isUnknown = error instanceof ApiError && (error.status === 404 || error.status === 405);
      throw isUnknown && !error.codes.includes("results_gone") ? refused : error;
    }
    const after = response.headers.get("x-last-line");
    if (after === null) throw refused;
    try {
      const lines = await within(read(response, mostBytes), timeoutMs);
      return { lines, after, incomplete: response.headers.get("x-incomplete") === "true" };
    } catch (error) {
      if (error instanceof CannotRun) throw error;
      throw unreachable(error, this.#api.connection.base);
    }
  }
}
