/** The file being looked at: from its choice over the check to its lines. One at a time; the next replaces it. */
import { batch, computed, signal } from "@preact/signals";
import type { Converted } from "../../core/convert.ts";
import type { Cure, Cured } from "../../core/repair.ts";
import type { Statistics } from "../../core/reports.ts";
import type { BatchError } from "../../core/types.ts";
import { announce } from "../announce.ts";
import { Conversion, sentence } from "../convert/conversion.ts";
import { count, plural } from "../format.ts";
import type { CheckSettings, Counts, FromReader, LineView, ToReader } from "../reader/protocol.ts";
import { nameBeside } from "../save.ts";
import { prepareReader, takeReader } from "../start-reader.ts";
import { ErrorStore, MOST_LISTED } from "./error-store.ts";
import { Pace } from "./pace.ts";
import { verdict } from "./verdict.ts";

export interface Chosen {
  name: string;
  blob: Blob;
  /** Of a file that was repaired here: the name of the original. */
  repairedFrom?: string;
  /** Of a file that was made here of another: what of. */
  convertedFrom?: { name: string; made: Converted };
  /** Whether it is checked though it is no batch file. */
  asIs?: boolean;
}

/** What can be mended, and a mended file that is being written. */
export type Repairing =
  | { state: "found"; cures: Cured[] }
  | { state: "writing"; read: number }
  | { state: "failed"; message: string };

export type Phase = "running" | "done" | "cancelled" | "failed";

/** What the line view shows. */
export type Shown =
  /** An error that is of no line. */
  | { state: "whole"; error: BatchError }
  | { state: "loading"; line: number; error: BatchError | null }
  | { state: "ready"; error: BatchError | null; view: LineView }
  | { state: "failed"; line: number; message: string };

/** New files that are being written from this one. */
export type Writing = {
  what: "good" | "all" | "parts";
  /** Whether they are wanted for themselves, and saved when they are ready. */
  toSave: boolean;
} & (
  | { state: "running"; read: number }
  | { state: "ready"; files: { blob: Blob; requests: number }[] }
  | { state: "failed"; message: string }
);

let sessions = 0;

export class Session {
  /** Tells it from any other. */
  readonly id = ++sessions;
  readonly file: Chosen;
  readonly settings: CheckSettings;
  readonly errors = new ErrorStore();
  readonly phase = signal<Phase>("running");
  readonly failure = signal("");
  readonly endpoint = signal("");
  readonly counts = signal<Counts | null>(null);
  readonly statistics = signal<Statistics | null>(null);
  readonly read = signal(0);
  readonly pace = new Pace();
  readonly line = signal<Shown | null>(null);
  /** The line that is being fetched: in a large packed file that takes a while. */
  readonly fetching = signal<number | null>(null);
  readonly writing = signal<Writing | null>(null);
  readonly repair = signal<Repairing | null>(null);
  readonly conversion = new Conversion(
    (ask) => this.#tell({ type: "convert", ask }),
    (blob, made) => {
      const { name } = this.file;
      void begin(
        { name: nameBeside(name, ".batch.jsonl"), blob, convertedFrom: { name, made } },
        this.settings,
      );
    },
  );
  /** Whether it was not checked, as it is no batch file, nor one that a repair makes of it. */
  readonly isOther = computed(() => {
    const { remedy = "fix" } = this.conversion.other.value?.found ?? {};
    return remedy !== "fix";
  });
  readonly verdict = computed(() => {
    const found = this.conversion.other.value?.found;
    if (found) return { good: false, sentence: sentence(found) };
    return verdict(this.counts.value, this.statistics.value, this.settings);
  });
  readonly #worker: Worker;
  #announced = 0;
  /** What can be mended, also while it is. */
  #cures: Cured[] = [];

  constructor(file: Chosen, settings: CheckSettings, wasm: WebAssembly.Module) {
    this.file = file;
    this.settings = settings;
    this.#worker = takeReader();
    this.#worker.onmessage = ({ data }: MessageEvent<FromReader>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failed(`The page's own reader stopped (${event.message ?? "no reason given"}). Try again.`);
    };
    const { blob, asIs = false } = file;
    this.#tell({ type: "check", wasm, file: blob, asIs, settings, maxErrors: MOST_LISTED });
    this.pace.note(0, performance.now());
    announce(`Checking ${file.name}.`);
  }

  /** Stops the check where it is; what was found stays. */
  cancel(): void {
    this.#tell({ type: "cancel" });
  }

  /** Shows a line; with one of its errors, the fault is marked. */
  show(line: number, error: BatchError | null): void {
    const now = this.line.value;
    // What is shown stays until the new line is there, so that nothing flickers.
    if (now?.state !== "ready") this.line.value = { state: "loading", line, error };
    this.#asked = { line, error };
    this.fetching.value = line;
    this.#tell({ type: "line", line, error });
  }
  /** Whether the line is to be brought into view: it was asked for by a pointer, which is elsewhere. */
  reveal = false;
  /** Shows an error of the whole file. */
  showWhole(error: BatchError): void {
    this.#asked = null;
    this.fetching.value = null;
    this.line.value = { state: "whole", error };
  }
  #asked: { line: number; error: BatchError | null } | null = null;

  /** Writes new files from this one. */
  write(what: Writing["what"], toSave = true): void {
    this.writing.value = { state: "running", what, toSave, read: 0 };
    this.#tell({ type: "write", what });
  }

  /** As {@link write}, but only prepared: null when it was stopped. */
  written(what: "good" | "all"): Promise<{ blob: Blob; requests: number }[] | null> {
    this.write(what, false);
    return new Promise((resolve, reject) => {
      const stop = this.writing.subscribe((now) => {
        if (now?.state === "running") return;
        if (now?.state === "failed") reject(new Error(now.message));
        else resolve(now ? now.files : null);
        queueMicrotask(() => stop());
      });
    });
  }

  stopWriting(): void {
    this.#tell({ type: "stop-writing" });
    this.writing.value = null;
  }

  /** Writes a mended file, which then takes the place of this one; null for all cures. */
  startRepair(only: Cure[] | null): void {
    this.repair.value = { state: "writing", read: 0 };
    this.#tell({ type: "repair", only });
    announce("Repairing.");
  }

  /** Stops it, and offers the cures again. */
  stopRepair(): void {
    this.#tell({ type: "stop-repair" });
    this.repair.value = { state: "found", cures: this.#cures };
    announce("Stopped.");
  }

  /** The session is over: its thread ends at once. */
  close(): void {
    this.#worker.terminate();
  }

  #tell(message: ToReader): void {
    this.#worker.postMessage(message);
  }

  #failed(message: string): void {
    batch(() => {
      this.failure.value = message;
      this.phase.value = "failed";
    });
    prepareReader();
    announce(message);
  }

  #hear(message: FromReader): void {
    switch (message.type) {
      case "progress":
        this.#progress(message);
        return;
      case "end":
        this.phase.value = message.cancelled ? "cancelled" : "done";
        prepareReader();
        if (!message.cancelled && this.counts.value?.errorCount) this.#tell({ type: "look-for-cures" });
        announce(message.cancelled ? `Cancelled. ${this.#soFar()}` : this.verdict.value.sentence);
        return;
      case "failed":
        this.#failed(message.message);
        return;
      case "line":
        if (message.view.line !== this.#asked?.line) return;
        this.fetching.value = null;
        this.line.value = { state: "ready", error: this.#asked.error, view: message.view };
        return;
      case "line-failed":
        this.fetching.value = null;
        this.line.value = { state: "failed", line: message.line, message: message.message };
        return;
      case "convert":
        this.conversion.hear(message.said);
        if (message.said.type !== "other" || !this.isOther.value) return;
        this.phase.value = "done";
        prepareReader();
        announce(this.verdict.value.sentence);
        return;
      case "cures":
        this.#cures = message.cures;
        this.repair.value = { state: "found", cures: message.cures };
        return;
      case "repairing":
        // What is said after it was stopped comes too late.
        if (this.repair.value?.state === "writing")
          this.repair.value = { state: "writing", read: message.read };
        return;
      case "repaired":
        if (this.repair.value?.state === "writing") this.#repaired(message.blob);
        return;
      case "repair-failed":
        this.repair.value = { state: "failed", message: message.message };
        announce(message.message);
        return;
    }
    const writing = this.writing.value;
    if (!writing) return;
    const { what, toSave } = writing;
    if (message.type === "writing")
      this.writing.value = { state: "running", what, toSave, read: message.read };
    else if (message.type === "written")
      this.writing.value = { state: "ready", what, toSave, files: message.files };
    else this.writing.value = { state: "failed", what, toSave, message: message.message };
  }

  #repaired(blob: Blob): void {
    const { name, repairedFrom = name } = this.file;
    void begin({ name: nameBeside(repairedFrom, "-repaired.jsonl"), blob, repairedFrom }, this.settings);
  }

  #progress({ read, endpoint, counts, statistics, errors }: FromReader & { type: "progress" }): void {
    batch(() => {
      this.endpoint.value = endpoint;
      this.counts.value = counts;
      this.statistics.value = statistics;
      this.read.value = read;
      this.errors.add(errors);
    });
    this.pace.note(read, performance.now());
    const quarter = Math.floor((4 * read) / (this.file.blob.size || 1));
    if (quarter <= this.#announced || quarter >= 4) return;
    this.#announced = quarter;
    announce(`${25 * quarter}%. ${this.#soFar()}`);
  }

  #soFar(): string {
    const { requestCount = 0, errorCount = 0 } = this.counts.value ?? {};
    return `${plural(requestCount, "request")} so far, ${errorCount === 0 ? "no errors" : plural(errorCount, "error")}.`;
  }
}

/** What is being looked at now. */
export const session = signal<Session | null>(null);
/** Something that went wrong before a file could be looked at. */
export const chooseFailure = signal("");

let loading: Promise<WebAssembly.Module> | null = null;

/** The core, compiled once. It is asked for when the page opens, so that checking makes no request at all. */
export function loadCore(): Promise<WebAssembly.Module> {
  loading ??= compile().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function compile(): Promise<WebAssembly.Module> {
  const answer = await fetch(__WASM__);
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return WebAssembly.compile(await answer.arrayBuffer());
}

/** Checks a file, instead of the one before. */
export async function begin(file: Chosen, settings: CheckSettings): Promise<void> {
  chooseFailure.value = "";
  try {
    const wasm = await loadCore();
    session.value?.close();
    session.value = new Session(file, settings, wasm);
  } catch (error) {
    chooseFailure.value = `The checker could not be loaded (${error instanceof Error ? error.message : error}). Check that you are online, and try again.`;
    announce(chooseFailure.value);
  }
}

/** Puts the file away. */
export function leave(): void {
  session.value?.close();
  session.value = null;
  announce("Ready for a file.");
}

/** How many errors are listed, where not all of them are. */
export function listed({ counts, errors, phase }: Session): string {
  errors.version.value;
  const [some, all] = [errors.all.length, counts.value?.errorCount ?? 0];
  return phase.value !== "running" && some < all ? `${count(some)} of ${count(all)} errors are listed.` : "";
}
