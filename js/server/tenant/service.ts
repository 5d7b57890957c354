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
  KV,
  KVCheck,
  KVOp,
} from "../../core/types.ts";
import { now } from "../ids.ts";
import { BATCH, outputSeconds } from "../keys.ts";
import type { TenantPorts } from "../ports.ts";
import type { Allowance } from "../rate.ts";
import { Outbox } from "../webhooks/outbox.ts";
import type { EndpointFields, EndpointQuery } from "../webhooks/types.ts";
import { Webhooks } from "../webhooks/webhooks.ts";
import type { OutputFile, TenantApi, TurnApi } from "./api.ts";
import { Calls } from "./calls.ts";
import { batchWith, Change, change } from "./change.ts";
import { FileIndex } from "./file-index.ts";
import { holdingInputs } from "./inputs.ts";
import { keepOutputSeconds } from "./output-seconds.ts";
import { Queue } from "./queue.ts";
import { QueuePlaces } from "./queue-places.ts";
import { bytesRoom, storageRoom, uploadRoom } from "./quotas.ts";
import { ResultFiles } from "./result-files.ts";
import { ResultPages } from "./result-pages.ts";
import { Rounds } from "./rounds.ts";
import { Trash } from "./trash.ts";
import type {
  FileList,
  FileQuery,
  NewFile,
  NewPart,
  NewUpload,
  Segment,
  StoredFile,
  UnpackedContent,
  UploadPlan,
  WireFile,
  WirePart,
  WireUpload,
} from "./types.ts";
import { Uploads } from "./uploads.ts";
import { Waits } from "./waits.ts";

/** Seconds that output and error files live unless the batch says otherwise: 30 days. */
const OUTPUT_SECONDS = fixedLimits.maxFileLifetimeSeconds;

export class TenantService implements TenantApi, TurnApi {
  readonly #ports: TenantPorts;
  readonly #kv: KV;
  /** It checks parameters by itself, whatever they are. */
  readonly #batches: Batches & { create(params: object): Promise<Batch> };
  readonly #trash: Trash;
  readonly #files: FileIndex;
  readonly #uploads: Uploads;
  readonly #queue: Queue;
  readonly #places: QueuePlaces;
  readonly #results: ResultPages;
  readonly #waits: Waits;
  readonly #calls: Calls;
  readonly #webhooks: Webhooks;
  readonly #outbox: Outbox;
  readonly #rounds: Rounds;

  constructor(ports: TenantPorts) {
    const { kv, name, settings, alarm, background } = ports;
    this.#ports = ports;
    this.#kv = kv;
    this.#trash = new Trash(kv);
    this.#files = new FileIndex(kv, this.#trash);
    this.#uploads = new Uploads(kv, this.#files, this.#trash);
    this.#waits = new Waits(name);
    this.#calls = new Calls(kv, background);
    const sending = { send: ports.sendWebhook, allowPrivate: settings.webhookAllowPrivate ?? false };
    this.#webhooks = new Webhooks(kv, sending);
    this.#outbox = new Outbox({
      ...{ tenant: name, kv, endpoints: this.#webhooks.endpoints, sending, background, now },
      isHeld: () => settings.isRevoked(),
      wakeAt: (time) => this.#rounds.wakeAt(time),
    });
    this.#rounds = new Rounds({
      ...{ tenant: name, alarm, round: () => this.#round(), between: () => this.#outbox.run() },
    });
    const holding = holdingInputs(kv, this.#files, now);
    const files = new ResultFiles(this.#files, ports.blobs);
    this.#batches = new Batches({ ...settings.service, files, kv: holding });
    this.#queue = new Queue(ports, this.#batches);
    this.#places = new QueuePlaces(settings.quotas, this.#queue, this.#files);
    this.#results = new ResultPages(kv, this.#batches, ports.runs, this.#queue.seats);
    background(this.#queue.wakeAll());
  }

  // --- For the routes --------------------------------------------------------------------------------------------

  takeCall(requestsPerMinute: number): Promise<Allowance> {
    return this.#calls.take(requestsPerMinute);
  }

  async createBatch(params: Record<string, unknown>, lives: number | null): Promise<Batch> {
    // First, so that a batch whose creation is cut off after it was stored is found.
    await this.#rounds.arm();
    const batch = await this.#places.take(() => this.#batches.create(params));
    if (lives !== null) await keepOutputSeconds(this.#kv, batch.id, lives);
    this.#ports.background(this.#queue.admit());
    return batch;
  }

  retrieveBatch(id: string): Promise<Batch> {
    return this.#batches.retrieve(id);
  }

  async cancelBatch(id: string): Promise<Batch> {
    const batch = await this.#batches.cancel(id);
    if (batch.status === "cancelling") {
      await this.#rounds.arm();
      // One that is paused rests no longer.
      this.#ports.background(this.#queue.goOn(id).then(() => this.#queue.cancel(id)));
    }
    return batch;
  }

  async pauseBatch(id: string): Promise<Batch> {
    const batch = await this.#batches.pause(id);
    this.#ports.background(this.#queue.wished(id));
    return batch;
  }

  async resumeBatch(id: string): Promise<Batch> {
    const batch = await this.#batches.resume(id);
    await this.#rounds.arm();
    this.#ports.background(this.#queue.goOn(id));
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

  async startFile(key: string): Promise<number> {
    const room = storageRoom(this.#ports.settings.quotas, await this.#files.total());
    await this.expectObjects([key]);
    return room;
  }

  async expectObjects(keys: string[]): Promise<void> {
    await this.#rounds.arm();
    await this.#trash.expect(keys, now());
  }

  expectMultipart(key: string, uploadId: string): Promise<void> {
    return this.#trash.expectMultipart(key, uploadId, now());
  }

  async createFile(file: NewFile): Promise<WireFile> {
    if (file.expires_at !== null) await this.#rounds.arm();
    const bytes = file.segments.reduce((sum, segment) => sum + segment.bytes, 0);
    return change(this.#kv, async (c) => {
      // Again, as others have come meanwhile.
      storageRoom(this.#ports.settings.quotas, await this.#files.total(c), bytes);
      return this.#files.put(c, file);
    });
  }

  getFile(id: string): Promise<StoredFile> {
    return this.#files.get(id, now());
  }

  listFiles(query: FileQuery): Promise<FileList> {
    return this.#files.list(query, now());
  }

  async deleteFile(id: string): Promise<void> {
    await this.#files.remove(id, now());
    await this.#emptyTrash();
  }

  async createUpload(upload: NewUpload): Promise<WireUpload> {
    await this.#rounds.arm();
    storageRoom(this.#ports.settings.quotas, await this.#files.total(), upload.bytes);
    return this.#uploads.create(upload, now());
  }

  async uploadRoom(id: string): Promise<number> {
    const room = await this.#uploads.room(id, now());
    bytesRoom(this.#ports.settings.quotas, await this.#files.total());
    return room;
  }

  addUploadPart(id: string, part: NewPart): Promise<WirePart> {
    return this.#uploads.addPart(id, part, now(), async (c) =>
      bytesRoom(this.#ports.settings.quotas, await this.#files.total(c), part.bytes),
    );
  }

  partContent(id: string, partIds: string[]): Promise<Uint8Array | null> {
    return this.#uploads.content(id, partIds);
  }

  planUpload(id: string, partIds: string[]): Promise<UploadPlan> {
    return this.#uploads.plan(id, partIds, now());
  }

  async completeUpload(
    id: string,
    partIds: string[],
    fileId: string,
    segments: Segment[],
    content?: UnpackedContent,
  ): Promise<WireUpload> {
    const check = async (c: Change) =>
      uploadRoom(this.#ports.settings.quotas, await this.#files.total(c), content?.bytes);
    const upload = await this.#uploads.complete(id, partIds, fileId, segments, now(), check, content);
    await this.#discardParts();
    return upload;
  }

  async cancelUpload(id: string): Promise<WireUpload> {
    const upload = await this.#uploads.cancel(id, now());
    await this.#discardParts();
    return upload;
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
    this.#ports.background(this.#outbox.run());
    return deleted;
  }

  rotateWebhookSecret(id: string, keepsOld: boolean) {
    return this.#webhooks.endpoints.rotateSecret(id, keepsOld, now());
  }

  testWebhook(id: string, eventType: string) {
    return this.#webhooks.test(id, eventType);
  }

  // --- For turns -------------------------------------------------------------------------------------------------

  runnerGet(batchId: string, key: string): Promise<Uint8Array | null> {
    this.#queue.heard(batchId);
    return this.#kv.get(key);
  }

  async runnerWrite(batchId: string, turn: number, all: KVOp[], checks: KVCheck[] = []): Promise<boolean> {
    this.#queue.heard(batchId);
    const ops = await this.#outbox.untold(batchId, all);
    const written = await batchWith(this.#kv, ops, checks, async (c) => {
      await this.#checkTurn(c, batchId, turn);
      await this.#waits.notice(batchId, ops, () => this.#kv.get(BATCH + batchId));
    });
    if (written) this.#outbox.notice(ops);
    return written;
  }

  async runnerInput(batchId: string, id: string): Promise<StoredFile | null> {
    const found = await this.#files.findInput(batchId, id, now());
    return found?.file.purpose === "batch" ? found : null;
  }

  runnerFile(id: string): Promise<StoredFile | null> {
    return this.#files.find(id, now());
  }

  async runnerStarts(batchId: string, turn: number, fileId: string, key: string): Promise<void> {
    await this.#checkTurn(new Change(this.#kv), batchId, turn);
    if (!(await this.#files.find(fileId, now()))) await this.expectObjects([key]);
  }

  runnerOutput(batchId: string, turn: number, file: OutputFile): Promise<WireFile> {
    const created_at = now();
    return change(this.#kv, async (c) => {
      await this.#checkTurn(c, batchId, turn);
      const lives = await c.bytes(outputSeconds(batchId));
      const seconds = lives ? Number(new TextDecoder().decode(lives)) : OUTPUT_SECONDS;
      return this.#files.put(c, { ...file, created_at, expires_at: created_at + seconds });
    });
  }

  async runnerEnded(batchId: string, turn: number): Promise<void> {
    const ended = await change(this.#kv, async (c) => {
      if (!(await this.#queue.seats.isNewest(c, batchId, turn))) return false;
      this.#queue.seats.leave(c, batchId);
      await this.#files.release(c, batchId, now());
      c.delete(outputSeconds(batchId));
      return true;
    });
    if (!ended) return;
    this.#queue.forget(batchId);
    this.#waits.forget(batchId);
    this.#ports.background(Promise.all([this.#emptyTrash(), this.#queue.admit()]));
  }

  async runnerRests(batchId: string, turn: number, wakeAt: number): Promise<void> {
    const rests = await change(this.#kv, async (c) => {
      if (!(await this.#queue.seats.isNewest(c, batchId, turn))) return false;
      await this.#queue.seats.rest(c, batchId, wakeAt);
      return true;
    });
    if (rests) this.#ports.background(this.#queue.admit());
  }

  async runnerDamaged(batchId: string, turn: number, message: string): Promise<void> {
    const isNewest = await change(this.#kv, (c) => this.#queue.seats.isNewest(c, batchId, turn));
    if (!isNewest) return;
    await this.#queue.replace(batchId, message);
    this.#ports.background(this.#queue.poke(batchId));
  }

  /** Refuses a turn that a newer one has replaced. */
  async #checkTurn(c: Change, batchId: string, turn: number): Promise<void> {
    if (await this.#queue.seats.isNewest(c, batchId, turn)) return;
    throw new Error(`turn ${turn} of ${batchId} was replaced`);
  }

  // --- The watch -------------------------------------------------------------------------------------------------

  watch(): Promise<void> {
    return this.#rounds.watch();
  }

  alarm(): Promise<void> {
    return this.#rounds.alarm();
  }

  /** The tenant has lost its last key, or has one again. */
  async keysChanged(): Promise<void> {
    await this.#rounds.arm();
    await this.#queue.wakeAll();
    await this.#queue.admit();
    await this.#outbox.run();
  }

  async #round(): Promise<boolean> {
    await this.#files.expire(now());
    await this.#uploads.expire(now());
    const isTidy = !(await this.#uploads.discardParts());
    await this.#emptyTrash();
    await this.#queue.admit();
    await this.#queue.wakeStale();
    return !isTidy || (await this.#queue.unfinished(1)).length > 0;
  }

  /** What is under way ends, and no more is sent. */
  stop(): void {
    this.#outbox.stop();
  }

  /** Parts of uploads that ended: the first at once, more than those while others are answered. */
  async #discardParts(): Promise<void> {
    const more = await this.#uploads.discardParts();
    await this.#emptyTrash();
    if (!more) return;
    const goOn = async () => {
      while (await this.#uploads.discardParts()) await new Promise((next) => setTimeout(next, 0));
      await this.#emptyTrash();
    };
    this.#ports.background(goOn());
  }

  #emptyTrash(): Promise<void> {
    return this.#trash.empty(this.#ports.blobs, now());
  }
}
