/**
 * One tenant: its files' index, its batches as users see them, and the queue of those that are to run. Runs happen in
 * Runners, one for each batch; bytes of files are in objects. Several processes may serve one tenant, each with a service.
 */

import { Batches } from "../../core/batches.ts";
import { fixedLimits } from "../../core/rules.ts";
import type {
  Batch,
  BatchList,
  BatchManifest,
  BatchResults,
  BatchResultsParams,
  KVCheck,
  KVOp,
  KVQuery,
} from "../../core/types.ts";
import { now } from "../ids.ts";
import { BATCH, outputSeconds, PAUSE } from "../keys.ts";
import type { TenantPorts } from "../ports.ts";
import type { Allowance } from "../rate.ts";
import { Outbox } from "../webhooks/outbox.ts";
import type { EndpointFields, EndpointQuery } from "../webhooks/types.ts";
import { Webhooks } from "../webhooks/webhooks.ts";
import { type OutputFile, type TenantApi, type TurnApi, TurnReplacedError } from "./api.ts";
import { Calls } from "./calls.ts";
import { batchWith, Change, change } from "./change.ts";
import { FileService } from "./file-service.ts";
import { holdingInputs } from "./inputs.ts";
import { MoveRecords } from "./moving.ts";
import { keepOutputSeconds } from "./output-seconds.ts";
import { isDrained, Queue } from "./queue.ts";
import { QueuePlaces } from "./queue-places.ts";
import { inLists, type RecordPage } from "./record-page.ts";
import { ResultFiles } from "./result-files.ts";
import { ResultPages } from "./result-pages.ts";
import type { StoredFile, WireFile } from "./types.ts";
import { Waits } from "./waits.ts";

/** Seconds that output and error files live unless the batch says otherwise: 30 days. */
const OUTPUT_SECONDS = fixedLimits.maxFileLifetimeSeconds;

export class TenantService extends FileService implements TenantApi, TurnApi {
  /** It checks parameters by itself, whatever they are. */
  readonly #batches: Batches & { create(params: object): Promise<Batch> };
  readonly #queue: Queue;
  readonly #places: QueuePlaces;
  readonly #results: ResultPages;
  readonly #moves: MoveRecords;
  readonly #waits: Waits;
  readonly #calls: Calls;
  readonly #webhooks: Webhooks;
  readonly #outbox: Outbox;

  constructor(ports: TenantPorts) {
    super(ports);
    const { kv, name, settings, background } = ports;
    this.#waits = new Waits(name);
    this.#calls = new Calls(kv, background, settings.isShared);
    const sending = { send: ports.sendWebhook, allowPrivate: settings.webhookAllowPrivate ?? false };
    this.#webhooks = new Webhooks(kv, sending);
    this.#outbox = new Outbox({
      ...{ tenant: name, kv, endpoints: this.#webhooks.endpoints, sending, background, now },
      isHeld: () => settings.isRevoked(),
      wakeAt: (time) => this.rounds.wakeAt(time),
    });
    const holding = holdingInputs(kv, this.files, now);
    const files = new ResultFiles(this.files, ports.blobs);
    this.#batches = new Batches({ ...settings.service, files, kv: holding });
    this.#queue = new Queue(ports, this.#batches);
    this.#places = new QueuePlaces(settings.quotas, this.#queue, this.files);
    this.#results = new ResultPages(kv, this.#batches, ports.runs, this.#queue.seats);
    this.#moves = new MoveRecords(holding, ports.runs.records, this.#queue.seats, (id) =>
      background(this.rounds.arm().then(() => this.#queue.goOn(id))),
    );
    background(this.#queue.wakeAll());
  }

  // --- For the routes --------------------------------------------------------------------------------------------

  takeCall(requestsPerMinute: number): Promise<Allowance> {
    return this.#calls.take(requestsPerMinute);
  }

  async batchesInFlight(): Promise<number> {
    return (await this.#queue.seats.all()).running.length;
  }

  async createBatch(params: Record<string, unknown>, lives: number | null): Promise<Batch> {
    // First, so that a batch whose creation is cut off after it was stored is found.
    await this.rounds.arm();
    const batch = await this.#places.take(() => this.#batches.create(params));
    if (lives !== null) await keepOutputSeconds(this.kv, batch.id, lives);
    this.ports.background(this.#queue.admit());
    return batch;
  }

  retrieveBatch(id: string): Promise<Batch> {
    return this.#batches.retrieve(id);
  }

  async cancelBatch(id: string): Promise<Batch> {
    const batch = await this.#batches.cancel(id);
    if (batch.status === "cancelling") {
      await this.rounds.arm();
      // One that is paused rests no longer.
      this.ports.background(this.#queue.goOn(id).then(() => this.#queue.cancel(id)));
    }
    return batch;
  }

  async pauseBatch(id: string): Promise<Batch> {
    const batch = await this.#batches.pause(id);
    this.ports.background(this.#queue.wished(id));
    return batch;
  }

  async resumeBatch(id: string): Promise<Batch> {
    const batch = await this.#batches.resume(id);
    await this.rounds.arm();
    this.ports.background(this.#queue.goOn(id));
    return batch;
  }

  batchResults(id: string, params: BatchResultsParams): Promise<BatchResults> {
    return this.#results.get(id, params);
  }

  batchManifest(id: string): Promise<BatchManifest> {
    return this.#batches.manifest(id);
  }

  listBatches(query: { after?: string; limit?: number }): Promise<BatchList> {
    return this.#batches.list(query);
  }

  moveGet(key: string): Promise<Uint8Array | null> {
    return this.#moves.get(key);
  }

  async moveList(query: KVQuery): Promise<RecordPage> {
    return inLists(await this.#moves.list(query));
  }

  moveWrite(ops: KVOp[], checks: KVCheck[]): Promise<boolean> {
    return this.#moves.write(ops, checks);
  }

  moveRoom(): Promise<void> {
    return this.#places.take(async () => {});
  }

  moveFile(holder: string, id: string): Promise<StoredFile | null> {
    return holder === "" ? this.files.find(id, now()) : this.files.findInput(holder, id, now());
  }

  createWebhook(fields: EndpointFields) {
    return this.#webhooks.create(fields);
  }

  listWebhooks(query: EndpointQuery) {
    return this.#webhooks.endpoints.list(query);
  }

  retrieveWebhook(id: string) {
    return this.#webhooks.endpoints.retrieve(id);
  }

  updateWebhook(id: string, fields: Partial<EndpointFields>) {
    return this.#webhooks.update(id, fields);
  }

  async deleteWebhook(id: string) {
    const deleted = await this.#webhooks.endpoints.delete(id);
    this.ports.background(this.#outbox.run());
    return deleted;
  }

  rotateWebhookSecret(id: string, keepsOld: boolean) {
    return this.#webhooks.endpoints.rotateSecret(id, keepsOld, now());
  }

  testWebhook(id: string, eventType: string) {
    return this.#webhooks.test(id, eventType);
  }

  // --- For turns -------------------------------------------------------------------------------------------------

  /** The newest turn of a batch that runs, in whichever process; null for one that rests, or has ended. */
  newestTurn(batchId: string): Promise<number | null> {
    return this.#queue.seats.runs(batchId);
  }

  async runnerGet(batchId: string, key: string): Promise<Uint8Array | null> {
    this.#queue.heard(batchId);
    const value = await this.kv.get(key);
    const drained = this.ports.settings.drainedSince?.() ?? null;
    // To its turns every batch is paused then; what its user wished stays as it is.
    if (value !== null || drained === null || !key.startsWith(PAUSE)) return value;
    return new TextEncoder().encode(String(drained));
  }

  async runnerWrite(batchId: string, turn: number, all: KVOp[], checks: KVCheck[] = []): Promise<boolean> {
    this.#queue.heard(batchId);
    const ops = await this.#outbox.untold(batchId, all);
    const written = await batchWith(this.kv, ops, checks, async (c) => {
      await this.#checkTurn(c, batchId, turn);
      await this.#waits.notice(batchId, ops, () => this.kv.get(BATCH + batchId));
    });
    if (written) this.#outbox.notice(ops);
    return written;
  }

  async runnerInput(batchId: string, id: string): Promise<StoredFile | null> {
    const found = await this.files.findInput(batchId, id, now());
    return found?.file.purpose === "batch" ? found : null;
  }

  runnerFile(id: string): Promise<StoredFile | null> {
    return this.files.find(id, now());
  }

  async runnerStarts(batchId: string, turn: number, fileId: string, ...keys: string[]): Promise<void> {
    await this.#checkTurn(new Change(this.kv), batchId, turn);
    if (!(await this.files.find(fileId, now()))) await this.expectObjects(keys);
  }

  runnerOutput(batchId: string, turn: number, file: OutputFile): Promise<WireFile> {
    const created_at = now();
    return change(this.kv, async (c) => {
      await this.#checkTurn(c, batchId, turn);
      const lives = await c.bytes(outputSeconds(batchId));
      const seconds = lives ? Number(new TextDecoder().decode(lives)) : OUTPUT_SECONDS;
      return this.files.put(c, { ...file, created_at, expires_at: created_at + seconds });
    });
  }

  async runnerEnded(batchId: string, turn: number): Promise<void> {
    const ended = await change(this.kv, async (c) => {
      if (!(await this.#queue.seats.isNewest(c, batchId, turn))) return false;
      this.#queue.seats.leave(c, batchId);
      await this.files.release(c, batchId, now());
      c.delete(outputSeconds(batchId));
      return true;
    });
    if (!ended) return;
    this.#queue.forget(batchId);
    this.#waits.forget(batchId);
    this.ports.background(Promise.all([this.emptyTrash(), this.#queue.admit()]));
  }

  async runnerRests(batchId: string, turn: number, wakeAt: number, isPaused: boolean): Promise<void> {
    const rests = await change(this.kv, async (c) => {
      if (!(await this.#queue.seats.isNewest(c, batchId, turn))) return false;
      // It may have been let go on since its turn looked.
      const goesOn = isPaused && !isDrained(this.ports) && (await c.bytes(PAUSE + batchId)) === null;
      await this.#queue.seats.rest(c, batchId, goesOn ? 0 : wakeAt, isPaused);
      return true;
    });
    if (rests) this.ports.background(this.#queue.admit());
  }

  async runnerDamaged(batchId: string, turn: number, message: string): Promise<void> {
    const isNewest = await change(this.kv, (c) => this.#queue.seats.isNewest(c, batchId, turn));
    if (!isNewest) return;
    await this.#queue.replace(batchId, message);
    this.ports.background(this.#queue.poke(batchId));
  }

  /** Refuses a turn that a newer one has replaced. */
  async #checkTurn(c: Change, batchId: string, turn: number): Promise<void> {
    if (await this.#queue.seats.isNewest(c, batchId, turn)) return;
    throw new TurnReplacedError(`turn ${turn} of ${batchId} was replaced`);
  }

  // --- The watch -------------------------------------------------------------------------------------------------

  watch(): Promise<void> {
    return this.rounds.watch();
  }

  alarm(): Promise<void> {
    return this.rounds.alarm();
  }

  /** The tenant has lost its last key, or has one again. */
  async keysChanged(): Promise<void> {
    await this.rounds.arm();
    await this.#queue.wakeAll();
    await this.#queue.admit();
    await this.#outbox.run();
  }

  /** Another process that serves the tenant has changed something: what runs there may have to go on here. */
  async changedElsewhere(): Promise<void> {
    await this.rounds.arm();
    await this.#queue.admit();
    await this.#queue.wakeOthers();
  }

  /** The server drains, or does no longer. */
  async drainChanged(): Promise<void> {
    await this.rounds.arm();
    await this.#queue.drainChanged();
  }

  protected between(): Promise<void> {
    return this.#outbox.run();
  }

  protected async round(): Promise<boolean> {
    await this.files.expire(now());
    await this.uploads.expire(now());
    const isTidy = !(await this.uploads.discardParts());
    await this.emptyTrash();
    await this.#batches.sweepImports();
    await this.#queue.wakeResumed();
    await this.#queue.sweepLeases();
    await this.#queue.admit();
    await this.#queue.wakeStale();
    return !isTidy || (await this.#queue.unfinished(1)).length > 0;
  }

  /** What is under way ends, and no more is sent. */
  stop(): void {
    this.#outbox.stop();
  }
}
