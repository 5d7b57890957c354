/**
 * One batch's run. It runs in turns, each inside an alarm, as nothing else may take minutes. Before a turn does
 * anything, a dead-man alarm is set, and moved on while the turn lives: when the object dies in the middle, the alarm
 * fires all the same and the next turn resumes from the last checkpoint.
 */

import { DurableObject } from "cloudflare:workers";
import type { BatchResults, BatchResultsParams, KVOp, KVQuery } from "../core/types.ts";
import { Batches, type TurnEnd } from "../entry/workerd.ts";
import { DurableObjectKV } from "../hosts/kv/durable-object.ts";
import { isTenant } from "../server/auth.ts";
import { log, logError } from "../server/log.ts";
import type { TurnApi } from "../server/tenant/api.ts";
import { inLists, type RecordPage } from "../server/tenant/record-page.ts";
import { RunFiles } from "../server/tenant/run-files.ts";
import type { Env } from "./env.ts";
import { r2Blobs } from "./r2-blobs.ts";
import { type Outcome, outcome, type RunnerRpc, unwrapped } from "./rpc.ts";
import { RunnerKV } from "./runner-store.ts";
import { serviceSettings, turnSettings } from "./settings.ts";
import { turnInference } from "./turn-inference.ts";

/** How long after its death a turn is resumed. */
const DEAD_MAN_MS = 12_000;
const RENEW_MS = 4_000;
/** A batch that this build cannot run is looked at again after so long: perhaps by another build. */
const REST_MS = 600_000;

/** What SQLite says of a file that is not, or no longer, a database. */
const DAMAGED = /SQLITE_CORRUPT|SQLITE_NOTADB|malformed|not a database/;

interface Job {
  tenant: string;
  batchId: string;
  /** The newest turn. */
  turn: number;
}

export class Runner extends DurableObject<Env> implements RunnerRpc {
  #running = false;
  #cancelled = false;
  /** Whether the batch is paused. */
  #held = false;
  /** Whether somebody has asked for something since the last alarm: a turn under way may have looked before. */
  #asked = false;
  #batches: Batches | undefined;
  #kv: RunnerKV | undefined;
  /** For those who read results. */
  #reader: Batches | undefined;

  /**
   * The batch is to run. Saying it again changes nothing. `turn` is the newest turn the Tenant knows of: the next one is
   * above it, also where this object's storage was lost.
   */
  async start(tenant: string, batchId: string, turn: number): Promise<void> {
    this.#held = false;
    this.#asked = true;
    this.#makeTable();
    this.#exec("INSERT OR IGNORE INTO job (tenant, batch, turn) VALUES (?, ?, ?)", tenant, batchId, turn);
    this.#exec("UPDATE job SET turn = ? WHERE turn < ?", turn, turn);
    if (!this.#running) await this.ctx.storage.setAlarm(Date.now());
  }

  /** The batch is to be cancelled: a turn under way sees it within a second. */
  async cancel(tenant: string, batchId: string, turn: number): Promise<void> {
    this.#cancelled = true;
    this.#kv?.noticeCancel();
    await this.start(tenant, batchId, turn);
  }

  /** A turn under way looks at once what the user wishes. */
  async wished(): Promise<void> {
    this.#asked = true;
    this.#kv?.lookAgain();
  }

  /** The batch is paused until it is started again: what is in flight ends, and nothing new starts. */
  async hold(tenant: string, batchId: string, turn: number): Promise<void> {
    await this.start(tenant, batchId, turn);
    this.#held = true;
    await this.#batches?.stop();
  }

  /** Finished lines of the batch, as they are in this object's storage, whether a turn is under way or not. */
  results(tenantName: string, batchId: string, params: BatchResultsParams): Promise<Outcome<BatchResults>> {
    this.#reader ??= this.#read(tenantName, batchId);
    return outcome(this.#reader.results(batchId, params));
  }

  async isQuiet(): Promise<boolean> {
    return !this.#running;
  }

  recordGet(key: string): Promise<Uint8Array | null> {
    return this.#records().get(key);
  }

  async recordList(query: KVQuery): Promise<RecordPage> {
    return inLists(await this.#records().list(query));
  }

  async recordWrite(ops: KVOp[]): Promise<void> {
    await this.#records().batch(ops);
  }

  #records(): DurableObjectKV {
    return new DurableObjectKV(this.ctx.storage);
  }

  /** The batch to be looked at, and not run: nothing of it is written. */
  #read(tenantName: string, batchId: string): Batches {
    const { env, ctx } = this;
    const tenant = () => this.#tenant(tenantName);
    return new Batches({
      ...serviceSettings(env),
      inference: { infer: () => Promise.reject(new Error("unreachable")) },
      kv: new RunnerKV({ storage: ctx.storage, tenant, batchId, turn: 0, cancelled: false }),
      files: new RunFiles({ blobs: r2Blobs(env.FILES), tenant, tenantName, batchId, turn: 0 }),
    });
  }

  /** One turn. Never throws: a failed alarm is tried again a few times, and then forgotten. */
  async alarm(): Promise<void> {
    const job = this.#job();
    if (!job) return;
    // The dead-man alarm of a turn that is slow, not dead: it has set the next one by itself.
    if (this.#running) return;
    this.#running = true;
    this.#asked = false;
    if (this.#isHeld(job)) {
      await this.#rest(job, Date.now());
      this.#running = false;
      return;
    }
    const { storage } = this.ctx;
    const renew = () => storage.setAlarm(Date.now() + DEAD_MAN_MS);
    let renewing: ReturnType<typeof setInterval> | undefined;
    try {
      await renew();
      renewing = setInterval(() => renew().catch((error) => logError("runner.renew", error)), RENEW_MS);
      const end = await this.#turn(job);
      clearInterval(renewing);
      await this.#ended(job, end);
    } catch (error) {
      clearInterval(renewing);
      await this.#failed(job, error);
    } finally {
      this.#running = false;
      this.#batches = undefined;
      this.#kv = undefined;
    }
  }

  async #turn(job: Job): Promise<TurnEnd> {
    const { tenant: tenantName, batchId } = job;
    const { env, ctx } = this;
    const { storage } = ctx;
    this.#exec("UPDATE job SET turn = turn + 1");
    job.turn = this.#job()?.turn ?? job.turn + 1;
    const { turn } = job;
    const calls = turnInference({
      ...{ env, storage, tenant: tenantName, batchId, turn },
      // What is in flight ends; the next turn has subrequests of its own.
      spent: () => void this.#batches?.stop(),
    });
    const tenant = () => {
      calls.count();
      return this.#tenant(tenantName);
    };
    this.#kv = new RunnerKV({ storage, tenant, batchId, turn, cancelled: this.#cancelled });
    this.#batches = new Batches({
      ...serviceSettings(env),
      inference: calls.inference,
      kv: this.#kv,
      files: new RunFiles({ blobs: r2Blobs(env.FILES, calls.count), tenant, tenantName, batchId, turn }),
    });
    const end = await this.#batches.runTurn(batchId, { deadline: Date.now() + turnSettings(env).turnMs });
    calls.end();
    return end;
  }

  async #ended(job: Job, end: TurnEnd): Promise<void> {
    const { storage } = this.ctx;
    if (end.state === "terminal") {
      await this.#tenant(job.tenant).runnerEnded(job.batchId, job.turn);
      log("batch.ended", { tenant: job.tenant, batch: job.batchId });
      await storage.deleteAlarm();
      await storage.deleteAll();
      return;
    }
    if (end.state === "faulted") {
      const { message, wakeAt } = end;
      log("batch.faulted", { tenant: job.tenant, batch: job.batchId, message, wake_at: wakeAt });
      if (message && DAMAGED.test(message)) return this.#damaged(job, message);
    }
    if (this.#isHeld(job)) return this.#rest(job, Date.now());
    // The Tenant starts it again when it is to go on.
    if (end.state === "paused" && !this.#asked)
      return this.#rest(job, end.wakeAt ?? Date.now() + REST_MS, true);
    await storage.setAlarm(this.#asked ? Date.now() : Math.max(end.wakeAt ?? 0, Date.now()));
  }

  /** A defect, a checkpoint of a later build, or a Tenant that cannot be reached. */
  async #failed(job: Job, error: unknown): Promise<void> {
    logError("batch.turn", error, { tenant: job.tenant, batch: job.batchId });
    const message = error instanceof Error ? error.message : String(error);
    if (message && DAMAGED.test(message)) return this.#damaged(job, message);
    await this.#rest(job, Date.now() + REST_MS);
  }

  /** This object's database cannot be read: no other turn here would do better. */
  async #damaged(job: Job, message: string): Promise<void> {
    // The dead-man alarm stands, for the case that the Tenant cannot be reached.
    await this.#tenant(job.tenant).runnerDamaged(job.batchId, job.turn, message);
    await this.ctx.storage.deleteAlarm();
  }

  /** Whether the tenant has no key any more. Its Tenant says so too, to a Runner that is older than the settings. */
  #isHeld(job: Job): boolean {
    return this.#held || !isTenant(job.tenant, this.env);
  }

  /** Leaves the batch to its Tenant until a time. */
  async #rest(job: Job, wakeAt: number, isPaused = false): Promise<void> {
    try {
      await this.#tenant(job.tenant).runnerRests(job.batchId, job.turn, wakeAt, isPaused);
      // The Tenant starts it again, when there is a slot. What it said meanwhile it does not say once more.
      if (this.#asked) await this.ctx.storage.setAlarm(Date.now());
      else await this.ctx.storage.deleteAlarm();
    } catch (second) {
      // The dead-man alarm stands: the turn is tried again when it comes.
      logError("batch.rest", second, { tenant: job.tenant, batch: job.batchId });
    }
  }

  #job(): Job | null {
    this.#makeTable();
    for (const row of this.#exec("SELECT tenant, batch, turn FROM job")) {
      return { tenant: row.tenant as string, batchId: row.batch as string, turn: row.turn as number };
    }
    return null;
  }

  /** Not in the constructor: an object that has ended is empty, and may be started again. */
  #makeTable(): void {
    this.#exec(
      "CREATE TABLE IF NOT EXISTS job (batch TEXT PRIMARY KEY, tenant TEXT NOT NULL, turn INTEGER NOT NULL) WITHOUT ROWID",
    );
  }

  #tenant(name: string): TurnApi {
    return unwrapped<TurnApi>(this.env.TENANTS.getByName(name));
  }

  #exec(query: string, ...bindings: unknown[]) {
    return this.ctx.storage.sql.exec(query, ...bindings);
  }
}
