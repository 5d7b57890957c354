/** A batch's results as events (`text/event-stream`): each line as it comes, with progress and changes of status. */

import { ApiError, apiError } from "../core/errors.ts";
import { cursorAfter } from "../core/results.ts";
import { isTerminal } from "../core/rules.ts";
import type { Batch, BatchResults } from "../core/types.ts";
import { logError } from "./log.ts";
import type { TenantApi } from "./tenant/api.ts";

/** What the id of the last event ends with. */
export const DONE = ".done";

/** Lines asked for at once: what a reader holds up is one page. */
const PAGE_LINES = 100;
/** Between two looks at a batch. */
const LOOK_MS = 500;
/** A stream that says nothing for longer is taken for dead by what is in between. */
const SILENCE_MS = 15_000;
/** Who takes nothing for so long is cut off, and may come again. */
const SLOW_MS = 30_000;
/**
 * How long a stream lasts, and how often it asks: a Worker may ask its objects only so often in one call. Who follows comes
 * again by itself, with the id of the last event.
 */
const LONGEST_MS = 600_000;
const MOST_LOOKS = 450;

/** Whom to ask, of which batch, and what was read before. */
export interface EventStreamOptions {
  tenant: Pick<TenantApi, "batchResults" | "retrieveBatch">;
  id: string;
  from: string;
}

/** The events. Nothing is read that is not taken: what waits is one page. */
export function eventStream(options: EventStreamOptions): ReadableStream<Uint8Array> {
  const events = new Events(options);
  const text = new TextEncoder();
  let slow: ReturnType<typeof setTimeout> | undefined;
  return new ReadableStream(
    {
      async pull(controller) {
        clearTimeout(slow);
        const next = await events.next();
        if (next === null) return controller.close();
        controller.enqueue(text.encode(next));
        slow = setTimeout(() => {
          events.stop();
          controller.error(new Error("the reader takes nothing"));
        }, SLOW_MS);
      },
      cancel() {
        clearTimeout(slow);
        events.stop();
      },
    },
    { highWaterMark: 0 },
  );
}

class Events {
  readonly #options: EventStreamOptions;
  readonly #started = Date.now();
  #last: string;
  /** The batch as it was told of. */
  #told: Batch | undefined;
  /** Whether the last page was full, or none was read yet. */
  #more = true;
  #looks = 0;
  #spokeAt = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#last = options.from;
  }

  stop(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** What is to be said next; null once nothing is. */
  async next(): Promise<string | null> {
    while (!this.#ended) {
      const news = await this.#look().catch((error) => this.#failed(error));
      const now = Date.now();
      if (news !== "") {
        this.#spokeAt = now;
        return news;
      }
      if (this.#ended || now - this.#started > LONGEST_MS || this.#looks > MOST_LOOKS) break;
      if (now - this.#spokeAt > SILENCE_MS) {
        this.#spokeAt = now;
        return ": nothing new\n\n";
      }
      await this.#rest();
    }
    return null;
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #look(): Promise<string> {
    const { tenant, id } = this.#options;
    this.#looks++;
    const batch = await tenant.retrieveBatch(id);
    const told = this.#told;
    const hasMoved = told?.status !== batch.status || !hasSameCounts(told, batch);
    this.#told = batch;
    let said = "";
    if (told?.status !== batch.status) said += event("state", batch);
    else if (hasMoved)
      said += event("progress", { id, status: batch.status, request_counts: batch.request_counts });
    if (!hasMoved && !this.#more && !isTerminal[batch.status]) return said;
    this.#looks++;
    const page = await tenant.batchResults(id, { after: this.#last, limit: PAGE_LINES });
    said += lines(page);
    this.#last = page.last;
    this.#more = page.lines.length > 0;
    if (page.incomplete) return said;
    this.#ended = true;
    // What is said is what it ended as.
    return said + event("done", await tenant.retrieveBatch(id), page.last + DONE);
  }

  #failed(error: unknown): string {
    this.#ended = true;
    if (!(error instanceof ApiError)) logError("results.stream", error, { batch: this.#options.id });
    const { message, type, param, code } = error instanceof ApiError ? error : UNKNOWN;
    return event("error", { error: { message, type, param, code } });
  }
}

const UNKNOWN = apiError({
  status: 500,
  type: "server_error",
  message: "The server had an error while reading the results. Come again with the id of the last event.",
  param: null,
  code: null,
});

function hasSameCounts({ request_counts: a }: Batch, { request_counts: b }: Batch): boolean {
  return a.total === b.total && a.completed === b.completed && a.failed === b.failed;
}

function event(name: string, data: object, id?: string): string {
  return message(name, JSON.stringify(data), id);
}

function message(name: string, data: string, id?: string): string {
  const field = (of: string, text: string) => `${of}: ${text}\n`;
  return `${field("event", name)}${id === undefined ? "" : field("id", id)}${field("data", data)}\n`;
}

/** An event for each line, whose id is the place after it. */
function lines({ lines: bytes, from }: BatchResults): string {
  const text = new TextDecoder();
  const events: string[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start);
    const line = text.decode(bytes.subarray(start, end));
    events.push(message("result", line, cursorAfter(from, end + 1)));
    start = end + 1;
  }
  return events.join("");
}
