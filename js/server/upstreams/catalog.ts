/** Which server has which model: by what the operator says, or by what the servers say themselves. */

import { bytesWithoutSecrets } from "../../core/secrets.ts";
import { readWhole } from "./bytes.ts";
import type { Pool } from "./gate.ts";
import type { ServerState } from "./server-state.ts";
import { endOf } from "./trouble.ts";
import type { Clock, WireModel } from "./types.ts";

/** How long a list stands. */
const FRESH_MS = 60_000;
/** How soon a server is asked again, for a model that no list has. */
const AGAIN_MS = 5_000;
/** How long it may take to say what it has. */
const ANSWER_MS = 10_000;
/** Aggregators list hundreds of models, with prices and all. */
const MOST_BYTES = 8 * 1024 * 1024;

/** Models whose last pool is remembered. */
const MOST_REMEMBERED = 1_000;
/** Models by which a pool is known. */
const MOST_MODELS = 64;

/** A pool that has been named. Its servers are those that have its models at this time: a run keeps the name for long. */
interface Named {
  models: Set<string>;
  pool: Pool;
  version: number;
}

interface Listed {
  /** What it offers; null where it has no such list, and takes any name. Undefined as long as it gave no answer. */
  models: WireModel[] | null | undefined;
  ids: ReadonlySet<string>;
  /** Why it gave none, as callers may know it. */
  silence: string;
  /** When it was last asked. */
  askedAt: number;
  asking: Promise<void> | undefined;
}

export class Catalog {
  readonly #states: readonly ServerState[];
  readonly #clock: Clock;
  /** Whether one caller may wait for what another has begun. Not in a Worker, where it would wait for ever. */
  readonly #shared: boolean;
  readonly #listed = new Map<ServerState, Listed>();
  readonly #pools = new Map<string, Named>();
  /** Counts what changed in the lists. */
  #version = 0;
  /** The last pools of models, which a server may have ceased to list. */
  readonly #last = new Map<string, string>();

  constructor(states: readonly ServerState[], clock: Clock, shared: boolean) {
    this.#states = states;
    this.#clock = clock;
    this.#shared = shared;
    for (const state of states) {
      const never = Number.NEGATIVE_INFINITY;
      this.#listed.set(state, {
        ...{ models: undefined, ids: new Set<string>(), silence: SAYS_NOTHING },
        ...{ askedAt: never, asking: undefined },
      });
    }
  }

  /** Whether a server has the model. @throws Error when a server that may have it does not say so now */
  async has(model: string): Promise<boolean> {
    if (this.#states.length === 1 && !this.#states[0]?.server.models) return true;
    if (this.#serving(model).length > 0) return true;
    await this.#refresh(AGAIN_MS);
    if (this.#serving(model).length > 0) return true;
    const silent = this.#states.find((state) => this.#isSilent(state));
    if (silent === undefined) return false;
    throw new Error(`The model server '${silent.server.name}' does not say now which models it has.`);
  }

  /** The name of the pool that has the model: the same as long as the same servers have it. */
  poolName(model: string): string {
    if (this.#states.length === 1) return "";
    void this.#refresh(FRESH_MS);
    let pool: Pool = this.#serving(model);
    const last = this.#last.get(model);
    if (pool.length === 0 && last !== undefined) return last;
    // One that has not said yet what it has may have it; where none has it, any may say so.
    if (pool.length === 0) pool = this.#states.filter((state) => this.#isSilent(state));
    if (pool.length === 0) pool = this.#states;
    const name = pool
      .map(({ server }) => server.name)
      .toSorted()
      .join("+");
    const named = this.#pools.get(name) ?? { models: new Set(), pool, version: this.#version };
    if (named.models.size < MOST_MODELS) named.models.add(model);
    this.#pools.set(name, named);
    this.#last.delete(model);
    this.#last.set(model, name);
    if (this.#last.size > MOST_REMEMBERED) this.#last.delete(this.#last.keys().next().value as string);
    return name;
  }

  pool(name: string): Pool {
    const named = this.#pools.get(name);
    if (named === undefined) return this.#states;
    if (named.version !== this.#version) {
      const { models } = named;
      const pool = this.#states.filter((state) => [...models].every((model) => this.#has(state, model)));
      Object.assign(named, { version: this.#version, ...(pool.length > 0 && { pool }) });
    }
    return named.pool;
  }

  /** Whatever the servers offer, each name once. Undefined when none of those that are to say so did. */
  async list(): Promise<WireModel[] | undefined> {
    await this.#refresh(FRESH_MS);
    const found = new Map<string, WireModel>();
    for (const state of this.#states) {
      const named = state.server.models?.map(byName) ?? this.#listed.get(state)?.models ?? [];
      for (const model of named) if (!found.has(model.id)) found.set(model.id, model);
    }
    const silent = found.size === 0 && this.#states.some((state) => this.#isSilent(state));
    return silent ? undefined : [...found.values()];
  }

  /** Why there is no list. */
  get silence(): string {
    const silent = this.#states.find((state) => this.#isSilent(state));
    return (silent && this.#listed.get(silent)?.silence) ?? SAYS_NOTHING;
  }

  /** Resolves once every server was asked. */
  async ready(): Promise<void> {
    if (this.#states.length > 1) await this.#refresh(Number.POSITIVE_INFINITY);
  }

  #isSilent(state: ServerState): boolean {
    return !state.server.models && this.#listed.get(state)?.models === undefined;
  }

  #serving(model: string): ServerState[] {
    return this.#states.filter((state) => this.#has(state, model));
  }

  #has(state: ServerState, model: string): boolean {
    const { models } = state.server;
    if (models) return models.includes(model);
    const listed = this.#listed.get(state);
    return listed?.models === null || listed?.ids.has(model) === true;
  }

  /** Asks those whose list is older; those that have none yet, sooner. */
  async #refresh(olderMs: number): Promise<void> {
    const now = this.#clock.now();
    const due = this.#states.filter((state) => {
      const askedAt = this.#listed.get(state)?.askedAt as number;
      const most = this.#isSilent(state) ? Math.min(olderMs, AGAIN_MS) : olderMs;
      return !state.server.models && (askedAt === Number.NEGATIVE_INFINITY || now - askedAt >= most);
    });
    const asked = due.map((state) => this.#ask(state, this.#listed.get(state) as Listed));
    // Somebody asked before, and has no answer yet.
    const others = this.#shared ? [...this.#listed.values()].map(({ asking }) => asking) : [];
    await Promise.all([...asked, ...others]);
  }

  #ask(state: ServerState, listed: Listed): Promise<void> {
    listed.askedAt = this.#clock.now();
    const asking = modelsOf(state, this.#clock)
      .then((models) => {
        listed.models = models;
        listed.ids = new Set(models?.map(({ id }) => id));
        this.#version += 1;
      })
      // What it said last stands.
      .catch((error: unknown) => {
        listed.silence = silenceOf(state, error, this.#clock.now());
      })
      .finally(() => {
        if (listed.asking === asking) listed.asking = undefined;
      });
    listed.asking = asking;
    return asking;
  }
}

/** What a server says it has; null where it has no such list. @throws when it says nothing */
async function modelsOf({ server }: ServerState, clock: Clock): Promise<WireModel[] | null> {
  const control = new AbortController();
  const stop = clock.after(Math.min(ANSWER_MS, server.timeoutMs), () => control.abort());
  try {
    const headers = new Headers({ accept: "application/json" });
    const answer = await server.call("/v1/models", {
      ...{ method: "GET", headers, body: null, signal: control.signal },
    });
    const body = await readWhole(answer.body, MOST_BYTES);
    if ([404, 405, 501].includes(answer.status)) return null;
    if (!answer.ok || body === undefined) throw new StatusError(answer.status);
    return read(JSON.parse(new TextDecoder().decode(bytesWithoutSecrets(body, server.secrets ?? []))));
  } finally {
    stop();
  }
}

class StatusError extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`/v1/models was answered with status ${status}.`);
    this.status = status;
  }
}

const SAYS_NOTHING = "The model server does not say which models it has. Please try again later.";
const REFUSES = "The model server does not accept this server's key. Please tell its operator.";
const IS_AWAY = "The model server cannot be reached. Please try again later.";

/** Logs why a server does not say what it has. What callers may know of it is the answer. */
function silenceOf({ trouble }: ServerState, error: unknown, now: number): string {
  if (!(error instanceof StatusError)) {
    const isParsed = error instanceof SyntaxError;
    trouble.failed(isParsed ? 200 : endOf(error), error, now);
    return isParsed ? SAYS_NOTHING : IS_AWAY;
  }
  const { status } = error;
  if (status === 401 || status === 403) {
    trouble.refused(status, now);
    return REFUSES;
  }
  trouble.failed(status, error, now);
  return SAYS_NOTHING;
}

function read(value: unknown): WireModel[] | null {
  const data = (value as { data?: unknown } | null)?.data;
  if (!Array.isArray(data)) return null;
  return data
    .filter((each) => typeof each?.id === "string" && each.id !== "")
    .map((each) => ({ ...byName(each.id), ...each }));
}

/** A model of which only the name is known. */
export function byName(id: string): WireModel {
  return { id, object: "model", created: 0, owned_by: id === "echo-1" ? "edgebatch" : "upstream" };
}
