/** Sums over all results: errors by what they say, and what answers used. In bounded memory, whatever texts come. */
import { type ErrorGroup, firstError, type ModelUsage, type Tokens, type Usage } from "../protocol.ts";
import type { Reason } from "./record.ts";

const MOST_GROUPS = 1_000;
const MOST_MODELS = 50;
const MOST_ENDS = 20;
const OTHERS = "others";

/** Numbers and ids, in which messages differ that say the same. */
const particular = /\b(?:\d[\d.,]*\d|\d|(?=[\w-]*\d)[\w-]{12,})\b/g;

export class ErrorTally {
  readonly #kinds = new Map<string, number>();
  readonly #groups: Reason[] = [];

  /** The kind of rows that failed so. */
  kindOf({ code, message }: Reason): number {
    const alike = message.replace(particular, "…");
    if (this.#groups.length < MOST_GROUPS) return this.#kind(code, alike);
    return this.#kinds.get(key(code, alike)) ?? this.#kind(OTHERS, "");
  }

  codeOf(kind: number): string | null {
    return this.#groups[kind - firstError]?.code ?? null;
  }

  groups(kindCounts: number[]): ErrorGroup[] {
    return this.#groups.map((group, i) => {
      return { ...group, kind: firstError + i, count: kindCounts[firstError + i] ?? 0 };
    });
  }

  #kind(code: string, message: string): number {
    let kind = this.#kinds.get(key(code, message));
    if (kind === undefined) {
      kind = firstError + this.#groups.length;
      this.#kinds.set(key(code, message), kind);
      this.#groups.push({ code, message });
    }
    return kind;
  }
}

const key = (code: string, message: string) => `${code}\n${message}`;

export class UsageTally {
  readonly #sums: Tokens & { told: number } = { input: 0, output: 0, cached: 0, reasoning: 0, told: 0 };
  readonly #models = new Map<string, ModelUsage>();
  readonly #classes: number[] = [];
  readonly #finished = new Map<string, number>();

  add(model: string | null, tokens: Tokens | null, finish: string | null): void {
    const name = model ?? "unknown";
    const known = this.#models.has(name) || this.#models.size < MOST_MODELS ? name : OTHERS;
    const of = this.#models.get(known) ?? { name: known, answers: 0, input: 0, output: 0 };
    of.answers++;
    of.input += tokens?.input ?? 0;
    of.output += tokens?.output ?? 0;
    this.#models.set(known, of);
    if (finish !== null) {
      const end = this.#finished.has(finish) || this.#finished.size < MOST_ENDS ? finish : OTHERS;
      this.#finished.set(end, (this.#finished.get(end) ?? 0) + 1);
    }
    if (!tokens) return;
    this.#sums.input += tokens.input;
    this.#sums.output += tokens.output;
    this.#sums.cached += tokens.cached;
    this.#sums.reasoning += tokens.reasoning;
    this.#sums.told++;
    const total = tokens.input + tokens.output;
    const size = total < 1 ? 0 : Math.floor(Math.log2(total)) + 1;
    while (this.#classes.length <= size) this.#classes.push(0);
    this.#classes[size] = (this.#classes[size] as number) + 1;
  }

  usage(): Usage {
    const finished = [...this.#finished].map(([name, count]) => ({ name, count }));
    const models = [...this.#models.values()].map((model) => ({ ...model }));
    return { ...this.#sums, models, classes: [...this.#classes], finished };
  }
}
