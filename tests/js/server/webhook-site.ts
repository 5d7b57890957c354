/** For tests of the outbox: endpoints that answer as they are told, with a clock of their own, and stores that die. */

import type { KV, KVOp } from "../../../js/core/types.ts";
import { Endpoints } from "../../../js/server/webhooks/endpoints.ts";
import { Outbox, type OutboxOptions } from "../../../js/server/webhooks/outbox.ts";
import type { SendWebhook } from "../../../js/server/webhooks/types.ts";

/** The status that is answered; null for none. `nth` counts what came to this host. */
export type Answering = (call: { host: string; body: string; nth: number }) => number | null;

interface Came {
  host: string;
  at: number;
  body: string;
  headers: Record<string, string>;
  taken: boolean;
}

/** What the core leaves of a batch that has ended. */
export function eventOf(batch: string, type = "batch.completed"): [key: string, value: Uint8Array] {
  const event = { id: `evt_of_${batch}`, object: "event", type, created_at: 1, data: { id: batch } };
  return [`event:${batch}`, new TextEncoder().encode(JSON.stringify(event))];
}

export interface Service {
  outbox: Outbox;
  /** Resolves once nothing is being sent. */
  settled(): Promise<void>;
  /** When it is to be woken. */
  wake(): number | null;
}

export class Site {
  readonly came: Came[] = [];
  readonly start = 1_800_000_000;
  now = this.start;
  mostAtOnce = 0;
  readonly #answers: Answering;
  readonly #counts = new Map<string, number>();
  #atOnce = 0;

  constructor(answers: Answering = () => 200) {
    this.#answers = answers;
  }

  /** The outbox of a process. */
  service(kv: KV, more: Partial<OutboxOptions> = {}): Service {
    const work = new Set<Promise<unknown>>();
    let wake: number | null = null;
    const outbox = new Outbox({
      ...{ tenant: "alice", kv, endpoints: new Endpoints(kv), isHeld: () => false, now: () => this.now },
      sending: { send: this.#sender(kv), allowPrivate: false },
      wakeAt: async (time) => {
        wake = Math.min(wake ?? Number.POSITIVE_INFINITY, time);
      },
      background: (promise) => {
        const done: Promise<unknown> = promise.catch(() => {}).finally(() => work.delete(done));
        work.add(done);
      },
      ...more,
    });
    const settled = async () => {
      while (work.size > 0) await Promise.all(work);
    };
    return {
      outbox,
      settled,
      wake() {
        const at = wake;
        wake = null;
        return at;
      },
    };
  }

  /** Has a process go on, from alarm to alarm, until something holds or it dies. */
  async until(kv: KV, holds: () => Promise<boolean> | boolean): Promise<void> {
    await this.drive(this.service(kv), holds);
  }

  async drive(service: Service, holds: () => Promise<boolean> | boolean): Promise<void> {
    for (let rounds = 0; !(await holds()); rounds++) {
      if (rounds > 20_000) throw new Error("it never held");
      // A process that died says nothing; the next one looks after it all the same.
      await service.outbox.run().catch(() => {});
      await service.settled();
      if (await holds()) return;
      // Another process may have the rest; or this one is dead.
      this.now = Math.max(this.now, Math.ceil((service.wake() ?? 0) / 1000), this.now);
    }
  }

  #sender(kv: KV): SendWebhook {
    return async (url, { headers, body }) => {
      // Of a dead process nothing goes out.
      if (kv instanceof Mortal && kv.isDead) throw new Error("dead");
      const { host } = new URL(url);
      const nth = this.#counts.get(host) ?? 0;
      this.#counts.set(host, nth + 1);
      this.#atOnce += 1;
      this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
      const status = this.#answers({ host, body, nth });
      const taken = status !== null && status >= 200 && status < 300;
      this.came.push({ host, at: this.now, body, headers, taken });
      await new Promise((next) => setImmediate(next));
      this.#atOnce -= 1;
      if (status === null) throw Object.assign(new Error("no answer"), { code: "ECONNREFUSED" });
      return status;
    };
  }
}

/** A store whose process dies at a write: before it is done, or after, so that only the answer is lost. */
export class Mortal implements KV {
  readonly caps;
  isDead = false;
  readonly #kv: KV;
  readonly #mode: "before" | "after";
  #writes: number;

  constructor(kv: KV, writes: number, mode: "before" | "after") {
    this.#kv = kv;
    this.caps = kv.caps;
    this.#writes = writes;
    this.#mode = mode;
  }

  get(key: string) {
    return this.#alive(() => this.#kv.get(key));
  }

  list(query: Parameters<KV["list"]>[0]) {
    return this.#alive(() => this.#kv.list(query));
  }

  async set(key: string, value: Uint8Array) {
    await this.batch([{ type: "set", key, value }]);
  }

  async delete(key: string) {
    await this.batch([{ type: "delete", key }]);
  }

  async batch(ops: KVOp[], checks?: Parameters<NonNullable<KV["batch"]>>[1]): Promise<boolean> {
    const dies = !this.isDead && --this.#writes === 0;
    if (dies && this.#mode === "before") this.isDead = true;
    const written = await this.#alive(async () => (await this.#kv.batch?.(ops, checks)) ?? false);
    if (!dies) return written;
    this.isDead = true;
    throw new Error("the process died");
  }

  #alive<T>(call: () => Promise<T>): Promise<T> {
    if (this.isDead) return Promise.reject(new Error("the process died"));
    return call();
  }
}
