/** The errors of a file as they come in, and those of them that a filter lets through. */
import { computed, signal } from "@preact/signals";
import type { BatchError } from "../../core/types.ts";

/** Errors listed; the others are counted. */
export const MOST_LISTED = 100_000;

export interface Filter {
  /** Null: any. */
  code: string | null;
  text: string;
}

export class ErrorStore {
  readonly all: BatchError[] = [];
  readonly filter = signal<Filter>({ code: null, text: "" });
  /** Goes up whenever the list changes. */
  readonly version = signal(0);
  #shown: BatchError[] = this.all;
  #judged = 0;
  #of: Filter = this.filter.value;
  /** Equal texts are kept once: most errors of a file say the same. */
  readonly #texts = new Map<string, string>();

  /** The errors that the filter lets through, in line order. The array is added to as errors come. */
  readonly shown = computed(() => {
    this.version.value;
    const filter = this.filter.value;
    if (filter !== this.#of) {
      this.#of = filter;
      this.#judged = 0;
      this.#shown = filter.code === null && filter.text === "" ? this.all : [];
    }
    if (this.#shown !== this.all) {
      const passes = test(filter);
      for (; this.#judged < this.all.length; this.#judged++) {
        const error = this.all[this.#judged] as BatchError;
        if (passes(error)) this.#shown.push(error);
      }
    }
    return { errors: this.#shown, count: this.#shown.length };
  });

  add(errors: BatchError[]): void {
    if (errors.length === 0) return;
    for (const { code, message, param, line } of errors) {
      const kept = param === null ? null : this.#once(param);
      this.all.push({ code: this.#once(code), message: this.#once(message), param: kept, line });
    }
    this.version.value++;
  }

  #once(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    // Texts that name an id are all different: remembering them helps no one.
    if (this.#texts.size < 500) this.#texts.set(text, text);
    return text;
  }
}

function test({ code, text }: Filter): (error: BatchError) => boolean {
  const wanted = text.trim().toLowerCase();
  const line = /^(?:line )?(\d+)$/.exec(wanted)?.[1];
  return (error) => {
    if (code !== null && error.code !== code) return false;
    if (wanted === "" || (line !== undefined && String(error.line) === line)) return true;
    return error.message.toLowerCase().includes(wanted) || (error.param ?? "").includes(wanted);
  };
}
