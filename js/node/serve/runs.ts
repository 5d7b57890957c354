/** The runs of one tenant's batches, in this process: each goes from turn to turn until it has ended. */

import { Batches, type BatchesOptions } from "../../core/batches.ts";
import type { TurnEnd } from "../../core/reports.ts";
import type { Batch, KV, KVCheck, KVOp } from "../../core/types.ts";
import { BATCH } from "../../server/keys.ts";
import { log, logError, logWarning } from "../../server/log.ts";
import type { Tracer } from "../../server/observe/calls.ts";
import { storageFault } from "../../server/observe/storage-fault.ts";
import type { Blobs, Runs, Seat } from "../../server/ports.ts";
import { type TurnApi, TurnReplacedError } from "../../server/tenant/api.ts";
import { RunFiles } from "../../server/tenant/run-files.ts";
import { published } from "../../server/tenant/waits.ts";
import type { Upstreams } from "../../server/upstreams/types.ts";

/** A batch that this build cannot run is looked at again after so long. */
const REST_MS = 600_000;
/** Between turns that say nothing of when the next one should come. */
const PAUSE_MS = 1_000;
/** After a fault of the disk. */
const AGAIN_MS = 10_000;
const MAX_TIMER = 0x7fffffff;

interface Run {
  /** The newest turn. */
  turn: number;
  held: boolean;
  /** Something was asked since the turn under way began, which that may have missed. */
  asked: boolean;
  batches: Batches | undefined;
  /** The turn under way. */
  driving: Promise<void> | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Ends a wait for the turn of another process. */
  endWait: (() => void) | undefined;
  /** Whether it has the batch, as far as is known. */
  isOwn: boolean;
  /** Lets this process try for another batch. */
  tried: (() => void) | undefined;
}

/**
 * Where several processes run batches, each turn under way in one holds back its next by so much, and by so much at most: a process
 * that runs fewer comes first.
 */
const PER_TURN_MS = 100;
const MOST_HELD_BACK_MS = 2_000;

/** What a process has of batches that others may run too, of all its tenants, and what it tries to take: one after the other. */
export class Taking {
  /** Batches that it has. */
  own = 0;
  #last = Promise.resolve();

  /** Waits until it is time to try for one more. Gives what is to be called when that is known to have, or not to have, come off. */
  async turn(): Promise<() => void> {
    const before = this.#last;
    let done = () => {};
    this.#last = new Promise((resolve) => {
      done = resolve;
    });
    await Promise.race([before, pause(MOST_HELD_BACK_MS)]);
    await pause(Math.min(this.own * PER_TURN_MS, MOST_HELD_BACK_MS));
    return done;
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Whose batches, and what their turns stand on. */
export interface LocalRunsOptions {
  tenantName: string;
  kv: KV;
  blobs: Blobs;
  tenant: () => TurnApi;
  service: Omit<BatchesOptions, "kv" | "files">;
  upstreams: Upstreams;
  tracer: Tracer;
  /** Where other processes run the tenant's batches too. */
  shared?: {
    /** The newest turn of a batch that runs, in whichever process; null where it does not. */
    newestTurn(id: string): Promise<number | null>;
    /** This process has a batch no longer. */
    left(id: string): void;
    /** Of all tenants of this process. */
    taking: Taking;
  };
}

export class LocalRuns implements Runs {
  readonly #options: LocalRunsOptions;
  readonly #runs = new Map<string, Run>();
  #stopping = false;

  constructor(options: LocalRunsOptions) {
    this.#options = options;
  }

  async start(id: string, seat: Seat): Promise<void> {
    const run = this.#run(id, seat);
    run.held = false;
    run.asked = true;
    this.#drive(id, run);
  }

  has(id: string): boolean {
    return this.#runs.has(id);
  }

  /** Whether this process has the batch. */
  owns(id: string): boolean {
    return this.#runs.get(id)?.isOwn ?? false;
  }

  /** A turn under way looks for it every second; one that waits is started. */
  async cancel(id: string, seat: Seat): Promise<void> {
    await this.start(id, seat);
  }

  /** The same, but that nothing is started. */
  async wished(id: string): Promise<void> {
    const run = this.#runs.get(id);
    if (run) run.asked = true;
  }

  async hold(id: string, seat: Seat): Promise<void> {
    const run = this.#run(id, seat);
    run.held = true;
    clearTimeout(run.timer);
    run.endWait?.();
    await run.batches?.stop();
  }

  /** Nothing new starts. Resolves once what is in flight has ended and is stored. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const runs = [...this.#runs.values()];
    for (const { timer, endWait } of runs) {
      clearTimeout(timer);
      endWait?.();
    }
    await Promise.all(runs.map(({ batches }) => batches?.stop()));
    await Promise.all(runs.map(({ driving }) => driving));
  }

  #run(id: string, { turn }: Seat): Run {
    const found = this.#runs.get(id);
    if (found) {
      found.turn = Math.max(found.turn, turn);
      return found;
    }
    const run: Run = {
      ...{ turn, held: false, asked: false },
      ...{
        batches: undefined,
        driving: undefined,
        timer: undefined,
        endWait: undefined,
        isOwn: false,
        tried: undefined,
      },
    };
    this.#runs.set(id, run);
    return run;
  }

  #drive(id: string, run: Run): void {
    if (run.driving || run.held || this.#stopping) return;
    clearTimeout(run.timer);
    run.asked = false;
    run.driving = this.#turn(id, run)
      .catch((error) => this.#failed(id, run, error))
      .then((wakeAt) => {
        run.driving = undefined;
        run.batches = undefined;
        run.tried?.();
        this.#disown(id, run);
        if (run.asked) this.#driveAt(id, run, Date.now());
        else if (wakeAt === null) this.#runs.delete(id);
        else this.#driveAt(id, run, wakeAt);
      });
  }

  #driveAt(id: string, run: Run, time: number): void {
    if (run.held || this.#stopping) return;
    run.timer = setTimeout(() => this.#drive(id, run), Math.min(Math.max(time - Date.now(), 0), MAX_TIMER));
  }

  /** One turn. Says when the next is to come; null when the batch is no longer run here. */
  async #turn(id: string, run: Run): Promise<number | null> {
    const { service, upstreams, kv, blobs, tenant, tenantName, tracer, shared } = this.#options;
    await upstreams.ready();
    if (shared) run.tried = await shared.taking.turn();
    if (run.held || this.#stopping) return Date.now();
    let turn = 0;
    const batches = new Batches({
      ...service,
      inference: upstreams.inference(tenantName, id),
      kv: turnStore({
        kv,
        tenant,
        batchId: id,
        turn: () => turn,
        taken: shared && (() => this.#own(id, run)),
      }),
      files: new RunFiles({ blobs, tenant, tenantName, batchId: id, turn: () => turn }),
    });
    run.batches = batches;
    let end: TurnEnd;
    // One service for all tries: it remembers since when it has seen another's lease.
    for (;;) {
      if (shared) {
        // Turns are counted in the store. One that waits for another's end writes nothing, and so replaces nobody.
        const newest = await shared.newestTurn(id);
        if (newest === null) return null;
        run.turn = newest;
      }
      run.turn += 1;
      turn = run.turn;
      if (!shared) await this.#traced(id);
      end = await batches.runTurn(id).finally(() => run.tried?.());
      if (end.state !== "held" || !shared) break;
      this.#disown(id, run);
      await waitUntil(run, end.wakeAt ?? Date.now() + PAUSE_MS);
      if (run.held || this.#stopping) return Date.now();
    }
    const { state, message, wakeAt } = end;
    if (state === "terminal") {
      await tenant().runnerEnded(id, turn);
      const status = (await this.#record(id))?.status ?? null;
      log("batch.ended", { tenant: tenantName, batch: id, status });
      tracer.batchEnded(id, status);
      run.asked = false;
      return null;
    }
    if (state === "paused") {
      // The tenant starts it again when it is to go on.
      const rest = (until: number) => tenant().runnerRests(id, turn, until, true);
      if (!run.asked) await rest(wakeAt ?? Date.now() + REST_MS);
      // What it said while the turn ended it does not say once more.
      if (!run.asked) return null;
      run.asked = false;
      await rest(Date.now());
      return null;
    }
    if (state === "faulted")
      logWarning("batch.faulted", { tenant: tenantName, batch: id, message, wake_at: wakeAt });
    return wakeAt ?? Date.now() + PAUSE_MS;
  }

  #own(id: string, run: Run): void {
    if (run.isOwn) return;
    run.isOwn = true;
    const { shared } = this.#options;
    if (shared) shared.taking.own += 1;
    run.tried?.();
    void this.#traced(id).catch(() => undefined);
  }

  #disown(id: string, run: Run): void {
    if (!run.isOwn) return;
    run.isOwn = false;
    const { shared } = this.#options;
    if (shared) shared.taking.own -= 1;
    shared?.left(id);
  }

  async #traced(id: string): Promise<void> {
    const record = await this.#record(id);
    if (record) this.#options.tracer.batchRuns(id, record.created_at);
  }

  /** The batch as users see it. */
  async #record(id: string): Promise<Batch | null> {
    const record = await this.#options.kv.get(BATCH + id);
    return record && published(record);
  }

  /** A defect, or a checkpoint of a later build: others may run meanwhile. */
  async #failed(id: string, run: Run, error: unknown): Promise<number | null> {
    logError("batch.turn", error, { tenant: this.#options.tenantName, batch: id });
    // A disk may be mended at any time, and what is not done yet would hold back others.
    const fault = storageFault(error);
    if (fault !== null) return Date.now() + (fault === "away" ? PAUSE_MS : AGAIN_MS);
    const wakeAt = Date.now() + REST_MS;
    try {
      await this.#options.tenant().runnerRests(id, run.turn, wakeAt, false);
      return null;
    } catch (second) {
      logError("batch.rest", second, { tenant: this.#options.tenantName, batch: id });
      return wakeAt;
    }
  }
}

function waitUntil(run: Run, time: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(time - Date.now(), 0));
    run.endWait = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

interface TurnStore {
  kv: KV;
  tenant: () => TurnApi;
  batchId: string;
  turn: () => number;
  /** Where others run batches too: the turn has written something, and so has the batch. */
  taken: (() => void) | undefined;
}

/** The tenant's store for turns of a batch: what they write goes through the tenant, which refuses one that was replaced. */
function turnStore({ kv, tenant, batchId, turn, taken }: TurnStore): KV {
  const batch = async (ops: KVOp[], checks: KVCheck[] = []) => {
    try {
      const written = await tenant().runnerWrite(batchId, turn(), ops, checks);
      if (written) taken?.();
      return written;
    } catch (error) {
      // What replaced it has taken the lease with the same write: a check of that fails, and so the core learns of it.
      if (taken && checks.length > 0 && error instanceof TurnReplacedError) return false;
      throw error;
    }
  };
  return {
    caps: kv.caps,
    get: (key) => tenant().runnerGet(batchId, key),
    list: (query) => kv.list(query),
    batch,
    set: async (key, value) => void (await batch([{ type: "set", key, value }])),
    delete: async (key) => void (await batch([{ type: "delete", key }])),
  };
}
