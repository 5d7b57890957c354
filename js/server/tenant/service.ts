/**
 * One tenant: its files' index, its batches as users see them, and the queue of those that are to run. Runs happen in
 * Runners, one for each batch; bytes of files are in R2.
 *
 * What is to run is what has a record `run:` here. It is the batch's first checkpoint; later ones stay with its Runner,
 * which deletes this record when the batch is done with.
 */

import { DurableObject } from "cloudflare:workers";
import type { Batch, BatchList, KVOp } from "../../core/types.ts";
import { core } from "../../core/wasm.ts";
import { Batches } from "../../entry/workerd.ts";
import { DurableObjectKV } from "../../hosts/kv/durable-object.ts";
import type { DurableObjectState, Env, Stub } from "../../worker/env.ts";
import { type Outcome, outcome } from "../../worker/rpc.ts";
import type { Runner } from "../../worker/runner-object.ts";
import { inference, maxConcurrentBatches, models, quotas, serviceSettings } from "../../worker/settings.ts";
import { isTenant } from "../auth.ts";
import { now } from "../ids.ts";
import { log, logError, logWarning } from "../log.ts";
import {
  FileIndex,
  type FileList,
  type FileQuery,
  type NewFile,
  type Segment,
  type StoredFile,
  type WireFile,
} from "./file-index.ts";
import { holdingInputs, Inputs } from "./inputs.ts";
import { checkQueue, storageRoom } from "./quotas.ts";
import { Places } from "./seats.ts";
import { Trash } from "./trash.ts";
import {
  type NewPart,
  type NewUpload,
  type UploadPlan,
  Uploads,
  type WirePart,
  type WireUpload,
} from "./uploads.ts";
import { Waits } from "./waits.ts";

/** How often the tenant looks after its batches while it has any that are not done with. */
const ROUND_MS = 30_000;
/** A running batch that was not heard of for so long is woken. Its Runner speaks up every few seconds. */
const STALE_MS = 45_000;
/** Seconds that output and error files live unless the batch says otherwise: 30 days. */
const OUTPUT_SECONDS = 2_592_000;

export class Tenant extends DurableObject<Env> {
  readonly #kv: DurableObjectKV;
  readonly #batches: Batches;
  readonly #inputs: Inputs;
  readonly #trash: Trash;
  readonly #files: FileIndex;
  readonly #uploads: Uploads;
  readonly #places: Places;
  readonly #name: string;
  readonly #waits: Waits;
  /** When each Runner was last heard of. After a restart all count as heard of now. */
  readonly #heard = new Map<string, number>();
  readonly #since = Date.now();
  #admitting: Promise<void> | undefined;
  #admitAgain = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { storage } = ctx;
    this.#kv = new DurableObjectKV(storage);
    this.#inputs = new Inputs(storage);
    this.#trash = new Trash(storage);
    this.#files = new FileIndex(storage, this.#inputs, this.#trash);
    this.#uploads = new Uploads(storage, this.#files, this.#trash);
    this.#places = new Places(storage);
    this.#name = rememberName(ctx);
    this.#waits = new Waits(this.#name);
    const unused = { files: noFiles, inference: inference(env), models: models(env) };
    const kv = holdingInputs(this.#kv, this.#inputs, (id) => this.#files.find(id, now()) !== null);
    this.#batches = new Batches({ ...serviceSettings(env), ...unused, kv });
    // What ended this object before may have ended Runners with it, or it ended for the tenant's key to go.
    ctx.waitUntil(Promise.all(this.#places.running().map((id) => this.#poke(id))));
  }

  // --- What the Worker calls -------------------------------------------------------------------------------------

  createBatch(params: Record<string, unknown>, outputSeconds: number | null): Promise<Outcome<Batch>> {
    return outcome(async () => {
      // First, so that a batch whose creation is cut off after it was stored is found.
      await this.#armAlarm();
      await checkQueue(quotas(this.env), (limit) => this.#ids("run:", limit));
      const batch = await this.#batches.create(params as never);
      if (outputSeconds !== null) await this.#keepOutputSeconds(batch.id, outputSeconds);
      this.ctx.waitUntil(this.#admit());
      return batch;
    });
  }

  retrieveBatch(id: string): Promise<Outcome<Batch>> {
    return outcome(() => this.#batches.retrieve(id));
  }

  cancelBatch(id: string): Promise<Outcome<Batch>> {
    return outcome(async () => {
      const batch = await this.#batches.cancel(id);
      if (batch.status === "cancelling") {
        await this.#armAlarm();
        this.ctx.waitUntil(this.#admit().then(() => this.#call(id, "cancel")));
      }
      return batch;
    });
  }

  listBatches(query: { after?: string; limit?: number }): Promise<Outcome<BatchList>> {
    return outcome(() => this.#batches.list(query));
  }

  /** Bytes of a file are about to be written; says how many they may be. */
  startFile(key: string): Promise<Outcome<number>> {
    return outcome(() => {
      const room = storageRoom(quotas(this.env), this.#files.total());
      this.expectObjects([key]);
      return room;
    });
  }

  /** How many bytes the next part may have. */
  uploadRoom(id: string): Promise<Outcome<number>> {
    return outcome(() => this.#uploads.room(id, now()));
  }

  /** What is written to R2 is named here before, and found again if its writer is cut off. */
  expectObjects(keys: string[]): void {
    this.ctx.waitUntil(this.#armAlarm());
    this.#trash.expect(keys, now());
  }

  expectMultipart(key: string, uploadId: string): void {
    this.#trash.expectMultipart(key, uploadId, now());
  }

  createFile(file: NewFile): WireFile {
    if (file.expires_at !== null) this.ctx.waitUntil(this.#armAlarm());
    return this.#files.put(file);
  }

  getFile(id: string): Promise<Outcome<StoredFile>> {
    return outcome(() => this.#files.get(id, now()));
  }

  listFiles(query: FileQuery): Promise<Outcome<FileList>> {
    return outcome(() => this.#files.list(query, now()));
  }

  deleteFile(id: string): Promise<Outcome<null>> {
    return outcome(async () => {
      this.#files.remove(id, now());
      await this.#emptyTrash();
      return null;
    });
  }

  createUpload(upload: NewUpload): Promise<Outcome<WireUpload>> {
    return outcome(async () => {
      await this.#armAlarm();
      storageRoom(quotas(this.env), this.#files.total(), upload.bytes);
      return this.#uploads.create(upload, now());
    });
  }

  addUploadPart(id: string, part: NewPart): Promise<Outcome<WirePart>> {
    return outcome(() => this.#uploads.addPart(id, part, now()));
  }

  partContent(id: string, partIds: string[]): Uint8Array | null {
    return this.#uploads.content(id, partIds);
  }

  planUpload(id: string, partIds: string[]): Promise<Outcome<UploadPlan>> {
    return outcome(() => this.#uploads.plan(id, partIds, now()));
  }

  completeUpload(
    id: string,
    partIds: string[],
    fileId: string,
    segments: Segment[],
  ): Promise<Outcome<WireUpload>> {
    return outcome(async () => {
      const upload = this.#uploads.complete(id, partIds, fileId, segments, now());
      await this.#emptyTrash();
      return upload;
    });
  }

  cancelUpload(id: string): Promise<Outcome<WireUpload>> {
    return outcome(async () => {
      const upload = this.#uploads.cancel(id, now());
      await this.#emptyTrash();
      return upload;
    });
  }

  // --- What Runners call -----------------------------------------------------------------------------------------

  /** A record of the batch: `run:`, `batch:` or `cancel:`. */
  runnerGet(batchId: string, key: string): Promise<Uint8Array | null> {
    this.#heard.set(batchId, Date.now());
    return this.#kv.get(key);
  }

  /** Writes of a batch's turn. Those of a turn that a newer one has replaced are refused. */
  async runnerWrite(batchId: string, turn: number, ops: KVOp[]): Promise<void> {
    this.#heard.set(batchId, Date.now());
    if (!this.#places.isNewest(batchId, turn)) throw new Error(`turn ${turn} of ${batchId} was replaced`);
    await this.#waits.notice(batchId, ops, () => this.#kv.get(`batch:${batchId}`));
    await this.#kv.batch(ops);
  }

  /** An input file: only files of purpose `batch` are. */
  runnerInput(batchId: string, id: string): StoredFile | null {
    const found = this.#files.findInput(batchId, id, now());
    return found?.file.purpose === "batch" ? found : null;
  }

  /** An output or error file is about to be written. One that is there already is written again. */
  runnerStarts(fileId: string, key: string): void {
    if (!this.#files.find(fileId, now())) this.expectObjects([key]);
  }

  /** An output or error file. */
  async runnerOutput(batchId: string, file: Omit<NewFile, "created_at" | "expires_at">): Promise<WireFile> {
    const created_at = now();
    const seconds = await this.#kv.get(outputKey(batchId));
    const lives = seconds ? Number(new TextDecoder().decode(seconds)) : OUTPUT_SECONDS;
    return this.#files.put({ ...file, created_at, expires_at: created_at + lives });
  }

  /** A batch is done with: its place is free. */
  async runnerEnded(batchId: string, turn: number): Promise<void> {
    if (!this.#places.isNewest(batchId, turn)) return;
    this.#heard.delete(batchId);
    this.#waits.forget(batchId);
    this.#places.leave(batchId);
    this.#inputs.release(batchId);
    this.#files.discard(now());
    await this.#kv.delete(outputKey(batchId));
    this.ctx.waitUntil(Promise.all([this.#emptyTrash(), this.#admit()]));
  }

  /** A batch cannot go on for now: others may run meanwhile. */
  runnerRests(batchId: string, turn: number, wakeAt: number): void {
    if (!this.#places.isNewest(batchId, turn)) return;
    this.#places.rest(batchId, wakeAt);
    this.ctx.waitUntil(this.#admit());
  }

  /** A Runner cannot read its database. */
  runnerDamaged(batchId: string, turn: number, message: string): void {
    if (!this.#places.isNewest(batchId, turn)) return;
    this.#replace(batchId, message);
    this.ctx.waitUntil(this.#poke(batchId));
  }

  // --- The watch -------------------------------------------------------------------------------------------------

  /** Called by the cron: does the round if the alarm, which should, does not. */
  async watch(): Promise<void> {
    const alarm = await this.ctx.storage.getAlarm();
    if (alarm !== null && alarm > Date.now() - ROUND_MS) return;
    await this.#round();
  }

  /** Never throws: a failed alarm is tried again a few times, and then forgotten. */
  async alarm(): Promise<void> {
    try {
      await this.#round();
    } catch (error) {
      logError("tenant.round", error, { tenant: this.#name });
      await this.ctx.storage.setAlarm(Date.now() + ROUND_MS);
    }
  }

  async #round(): Promise<void> {
    const { storage } = this.ctx;
    // Armed first: whatever goes wrong below, the next round comes.
    await storage.setAlarm(Date.now() + ROUND_MS);
    this.#files.expire(now());
    this.#uploads.expire(now());
    await this.#emptyTrash();
    await this.#admit();
    for (const id of this.#places.running()) {
      const silent_ms = Date.now() - (this.#heard.get(id) ?? this.#since);
      if (!this.#isRevoked()) {
        if (silent_ms < STALE_MS) continue;
        log("batch.stale", { tenant: this.#name, batch: id, silent_ms });
      }
      await this.#poke(id);
    }
    const unfinished = await this.#ids("run:", 1);
    // Nothing runs: expired files can wait an hour.
    if (unfinished.length === 0) await storage.setAlarm(Date.now() + 3_600_000);
  }

  /** Starts what the core says may start. One at a time; a call during another makes it look again. */
  #admit(): Promise<void> {
    this.#admitAgain = true;
    this.#admitting ??= this.#admitAll().finally(() => {
      this.#admitting = undefined;
    });
    return this.#admitting;
  }

  async #admitAll(): Promise<void> {
    while (this.#admitAgain) {
      this.#admitAgain = false;
      if (this.#isRevoked()) return;
      const max = maxConcurrentBatches(this.env);
      const [running, resting] = [this.#places.running(), this.#places.resting()];
      const oldest = await this.#ids("run:", max + running.length + resting.length);
      const cancelled = await this.#ids("cancel:", 100);
      const queue = { max, now: Date.now(), oldest, cancelled, running, resting };
      const admitted = core().admitBatches(queue);
      for (const id of admitted) this.#places.take(id);
      await Promise.all(admitted.map((id) => this.#poke(id)));
    }
  }

  /** Whether no key has this tenant's name any more: its batches stand still until one has. */
  #isRevoked(): boolean {
    return !isTenant(this.#name, this.env);
  }

  /** Tells a batch's Runner to run it, or to hold it. Lost calls are made up for by the next round. */
  async #poke(id: string): Promise<void> {
    try {
      const revoked = this.#isRevoked();
      await this.#call(id, revoked ? "hold" : "start");
      this.#places.reached(id);
      if (!revoked) this.#heard.set(id, Date.now());
    } catch (error) {
      logError("batch.poke", error, { tenant: this.#name, batch: id });
      // An outage of the platform is none of the Runner's.
      if (isOutage(error) || !this.#places.missed(id, Date.now())) return;
      this.#replace(id, error instanceof Error ? error.message : String(error));
      // Once: should the fresh one fail too, its calls are counted from here on.
      await this.#poke(id);
    }
  }

  /** Gives a batch another Runner, as its own is lost. What users see stays; results that only the old one had run again. */
  #replace(id: string, reason: string): void {
    const { generation } = this.#places.replace(id);
    const message =
      "The batch's Runner is lost, and has been replaced. Results that only it held are lost too; those requests run again.";
    logWarning("batch.runner_replaced", { tenant: this.#name, batch: id, generation, message, reason });
  }

  #call(id: string, what: "start" | "cancel" | "hold"): Promise<void> {
    const { generation, turn } = this.#places.seat(id);
    const name = generation === 0 ? `${this.#name}/${id}` : `${this.#name}/${id}/${generation}`;
    const runner: Stub<Runner> = this.env.RUNNERS.getByName(name);
    return runner[what](this.#name, id, turn);
  }

  async #ids(prefix: string, limit: number): Promise<string[]> {
    const { entries } = await this.#kv.list({ prefix, limit });
    return entries.map(([key]) => key.slice(prefix.length));
  }

  async #emptyTrash(): Promise<void> {
    await this.#trash.empty(this.env.FILES, now());
  }

  /** Of a batch that was just created; one that an idempotency key found has its own, or is done with. */
  async #keepOutputSeconds(batchId: string, seconds: number): Promise<void> {
    if ((await this.#kv.get(outputKey(batchId))) || !(await this.#kv.get(`run:${batchId}`))) return;
    await this.#kv.set(outputKey(batchId), new TextEncoder().encode(String(seconds)));
  }

  async #armAlarm(): Promise<void> {
    const { storage } = this.ctx;
    const at = await storage.getAlarm();
    const next = Date.now() + ROUND_MS;
    if (at === null || at > next) await storage.setAlarm(next);
  }
}

/** Seconds that a batch's files live, where its creator said so. */
function outputKey(batchId: string): string {
  return `output_seconds:${batchId}`;
}

/** An alarm does not always say whose it is. */
function rememberName(ctx: DurableObjectState): string {
  const { sql } = ctx.storage;
  sql.exec("CREATE TABLE IF NOT EXISTS own_name (name TEXT PRIMARY KEY) WITHOUT ROWID");
  for (const row of sql.exec("SELECT name FROM own_name")) return row.name as string;
  const { name } = ctx.id;
  if (name === undefined) throw new Error("a Tenant is to be got by its name");
  sql.exec("INSERT INTO own_name (name) VALUES (?)", name);
  return name;
}

/** The service's calls here never look at a file. */
const noFiles = {
  retrieve: async () => null,
  read: () => Promise.reject(new Error("unreachable")),
  create: () => Promise.reject(new Error("unreachable")),
};

/** Whether the platform says of a failed call that the same one may succeed later: too much to do, a deploy. */
function isOutage(error: unknown): boolean {
  const { retryable, overloaded } = (error ?? {}) as { retryable?: boolean; overloaded?: boolean };
  return retryable === true || overloaded === true;
}
