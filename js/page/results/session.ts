/** The results being looked at: their files, what is known of them, and what is shown. One at a time. */
import { batch, signal } from "@preact/signals";
import { announce } from "../announce.ts";
import { loadCore } from "../check/session.ts";
import { count, plural } from "../format.ts";
import { nameBeside, save } from "../save.ts";
import { prepareReader, takeReader } from "../start-reader.ts";
import type {
  ChosenFile,
  Filter,
  ForResults,
  FromResults,
  RowHead,
  RowView,
  Summary,
  ToResults,
  What,
} from "./protocol.ts";

/** Rows whose heads are kept. */
const MOST_HEADS = 2_000;

export type Chosen =
  | { state: "loading"; position: number }
  | { state: "ready"; view: RowView }
  | { state: "failed"; message: string };

export type Writing =
  | { state: "running"; what: What; done: number; of: number }
  | { state: "ready"; what: What; blob: Blob; lines: number }
  | { state: "failed"; message: string };

const endings: Record<What, string> = {
  csv: "-results.csv",
  joined: "-joined.jsonl",
  merged: "-merged.jsonl",
  retry: "-retry.jsonl",
};

let sessions = 0;

/** A promise, and what settles it. */
function settling(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

export class ResultsSession {
  /** Tells it from any other. */
  readonly id = ++sessions;
  readonly files: ChosenFile[];
  readonly phase = signal<"running" | "done" | "failed">("running");
  readonly failure = signal("");
  readonly progress = signal({ read: 0, of: 1 });
  readonly summary = signal<Summary | null>(null);
  readonly filter = signal<Filter>({ kinds: null, text: "" });
  readonly shown = signal({ count: 0, searched: 0, of: 0 });
  /** Goes up with every filter. */
  readonly version = signal(0);
  /** Goes up when heads of rows came, or are to be asked for again. */
  readonly heads = signal(0);
  readonly position = signal(-1);
  readonly chosen = signal<Chosen | null>(null);
  readonly writing = signal<Writing | null>(null);
  /** Of a batch that runs, whose results come in: why none can be had right now. Null for files that are whole. */
  readonly live = signal<{ trouble: string } | null>(null);
  readonly #opened = settling();
  #appended = settling();
  /** Whether the row is to be brought into view: it was asked for by a pointer, which is elsewhere. */
  reveal = false;
  readonly #heads = new Map<number, RowHead>();
  readonly #worker: Worker;
  #announced = 0;

  constructor(files: ChosenFile[], wasm: WebAssembly.Module) {
    this.files = files;
    this.#worker = takeReader();
    this.#worker.onmessage = ({ data }: MessageEvent<FromResults>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failed(`The page's own reader stopped (${event.message ?? "no reason given"}). Try again.`);
    };
    this.#tell({ type: "open", wasm, files });
    announce(`Reading ${plural(files.length, "file")}.`);
  }

  show(filter: Filter): void {
    batch(() => {
      this.filter.value = filter;
      this.shown.value = { ...this.shown.value, count: 0, searched: 0 };
      this.position.value = -1;
      this.version.value++;
      this.#forget();
    });
    this.#tell({ type: "filter", filter, version: this.version.value });
  }

  /** Sees to it that the heads of some rows are there. */
  want(from: number, to: number): void {
    for (let at = from; at < to; at++) {
      if (this.#heads.has(at)) continue;
      this.#tell({ type: "rows", from: at, to });
      return;
    }
  }

  head(position: number): RowHead | undefined {
    return this.#heads.get(position);
  }

  choose(position: number): void {
    this.position.value = position;
    // What is shown stays until the other is there, so that nothing flickers.
    if (this.chosen.value?.state !== "ready") this.chosen.value = { state: "loading", position };
    this.#tell({ type: "row", position });
  }

  write(what: What): void {
    this.writing.value = { state: "running", what, done: 0, of: 1 };
    this.#tell({ type: "write", what });
  }

  stopWriting(): void {
    this.writing.value = null;
    this.#tell({ type: "stop-writing" });
  }

  /** Takes more lines of the results, which are the first file. Settles when they are taken in, or never will be. */
  async append(lines: Blob, isLast: boolean): Promise<void> {
    await this.#opened.promise;
    const [results] = this.files;
    if (results) results.blob = new Blob([results.blob, lines]);
    this.#appended = settling();
    this.#tell({ type: "append", lines, isLast });
    await this.#appended.promise;
  }

  /** What a new file is called. */
  nameOf(what: What): string {
    const results = this.summary.value?.files.find(({ role }) => role === "results");
    return nameBeside(results?.name ?? "", endings[what]);
  }

  /** The session is over: its thread ends at once. */
  close(): void {
    this.#worker.terminate();
    this.#opened.resolve();
    this.#appended.resolve();
  }

  #announceQuarter(part: number): void {
    const quarter = Math.floor(4 * part);
    if (quarter <= this.#announced || quarter >= 4) return;
    this.#announced = quarter;
    announce(`${25 * quarter}% read.`);
  }

  #forget(): void {
    this.#heads.clear();
    this.heads.value++;
  }

  #tell(ask: ToResults): void {
    this.#worker.postMessage({ type: "results", ask } satisfies ForResults);
  }

  #failed(message: string): void {
    batch(() => {
      this.failure.value = message;
      this.phase.value = "failed";
    });
    prepareReader();
    announce(message);
    this.#opened.resolve();
    this.#appended.resolve();
  }

  #hear(message: FromResults): void {
    if ("version" in message && message.version !== this.version.value) return;
    switch (message.type) {
      case "progress":
        batch(() => {
          this.progress.value = message;
          this.summary.value = message.summary;
        });
        this.#announceQuarter(message.read / message.of);
        break;
      case "end":
        batch(() => {
          this.summary.value = message.summary;
          this.phase.value = "done";
          this.#forget();
        });
        prepareReader();
        if (!this.live.value) announce(verdictOf(message.summary));
        this.#opened.resolve();
        break;
      case "appended":
        batch(() => {
          this.summary.value = message.summary;
          this.position.value = message.position ?? -1;
          this.#forget();
        });
        this.#appended.resolve();
        break;
      case "failed":
        this.#failed(message.message);
        break;
      case "shown":
        this.shown.value = message;
        break;
      case "rows":
        if (this.#heads.size > MOST_HEADS) this.#heads.clear();
        message.rows.forEach((head, i) => {
          this.#heads.set(message.from + i, head);
        });
        if (message.rows.length > 0) this.heads.value++;
        break;
      case "row":
        this.chosen.value = { state: "ready", view: message.view };
        break;
      case "row-failed":
        this.chosen.value = { state: "failed", message: message.message };
        break;
      default:
        this.#wrote(message);
    }
  }

  #wrote(message: FromResults): void {
    const now = this.writing.value;
    if (now?.state !== "running") return;
    if (message.type === "writing") this.writing.value = { ...now, ...message };
    else if (message.type === "write-failed")
      this.writing.value = { state: "failed", message: message.message };
    else if (message.type === "written") {
      const { what, blob, lines } = message;
      this.writing.value = { state: "ready", what, blob, lines };
      announce(`${this.nameOf(what)} was written.`);
      save(blob, this.nameOf(what));
    }
  }
}

/** What came so far of a batch that runs. */
export function soFarOf({ answered, failed, missing }: Summary): string {
  const total = answered + failed + missing;
  const of = missing > 0 ? ` of ${count(total)}` : "";
  return `${count(answered + failed)}${of} results so far: ${count(answered)} answered, ${count(failed)} failed. More appear as they come.`;
}

/** What the files hold, in one sentence. */
export function verdictOf({ answered, failed, missing }: Summary): string {
  const total = answered + failed + missing;
  if (total === 0) return "There are no results in these files.";
  if (answered === total)
    return total === 1 ? "The one request was answered." : `All ${count(total)} requests were answered.`;
  const without = missing > 0 ? `, ${count(missing)} without a result` : "";
  return `${count(answered)} of ${plural(total, "request")} ${answered === 1 ? "was" : "were"} answered, ${count(failed)} failed${without}.`;
}

/** What is being looked at now. */
export const resultsSession = signal<ResultsSession | null>(null);
/** Something that went wrong before files could be looked at. */
export const openFailure = signal("");

/** Looks at files, instead of those before. */
export async function openResults(files: ChosenFile[], isLive = false): Promise<void> {
  openFailure.value = "";
  try {
    const wasm = await loadCore();
    resultsSession.value?.close();
    const opened = new ResultsSession(files, wasm);
    if (isLive) opened.live.value = { trouble: "" };
    resultsSession.value = opened;
  } catch (error) {
    openFailure.value = `The reader could not be loaded (${error instanceof Error ? error.message : error}). Check that you are online, and try again.`;
    announce(openFailure.value);
  }
}

/** Looks at more files beside those that are open; one that is already is not counted twice. */
export function addResults(files: ChosenFile[]): void {
  const open = resultsSession.value?.files ?? [];
  const isOpen = (file: ChosenFile) =>
    open.some(({ name, blob }) => name === file.name && blob.size === file.blob.size);
  const others = files.filter((file) => !isOpen(file));
  if (others.length > 0) void openResults([...open, ...others]);
}

/** Puts the files away. */
export function leaveResults(): void {
  resultsSession.value?.close();
  resultsSession.value = null;
  announce("Ready for files.");
}
