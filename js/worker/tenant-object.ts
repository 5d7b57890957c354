/** A Tenant: the tenant's service in a Durable Object, its records in the object's storage. */

import { DurableObject } from "cloudflare:workers";
import "../entry/workerd.ts";
import { DurableObjectKV } from "../hosts/kv/durable-object.ts";
import type { TenantApi, TurnApi } from "../server/tenant/api.ts";
import { inPairs } from "../server/tenant/record-page.ts";
import { TenantService } from "../server/tenant/service.ts";
import type { DurableObjectState, Env } from "./env.ts";
import { r2Blobs } from "./r2-blobs.ts";
import { outcome, type TenantRpc, unwrap } from "./rpc.ts";
import { runnerName, tenantSettings } from "./settings.ts";
import { adoptTables } from "./sql-tables.ts";
import { sendWebhook } from "./webhooks.ts";

type Api = TenantApi & TurnApi;
type Args<K extends keyof Api> = Parameters<Api[K]>;

export class Tenant extends DurableObject<Env> implements TenantRpc {
  readonly #service: TenantService;
  #drainedSince: number | null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { storage } = ctx;
    const name = rememberName(ctx);
    const runner = (id: string, generation: number) =>
      env.RUNNERS.getByName(runnerName(name, id, generation));
    adoptTables(storage);
    this.#drainedSince = this.#drainRecord();
    this.#service = new TenantService({
      name,
      kv: new DurableObjectKV(storage),
      blobs: r2Blobs(env.FILES),
      settings: { ...tenantSettings(env, name), drainedSince: () => this.#drainedSince },
      runs: {
        start: (id, { generation, turn }) => runner(id, generation).start(name, id, turn),
        cancel: (id, { generation, turn }) => runner(id, generation).cancel(name, id, turn),
        hold: (id, { generation, turn }) => runner(id, generation).hold(name, id, turn),
        wished: (id, { generation }) => runner(id, generation).wished(),
        records: {
          isQuiet: (id, { generation }) => runner(id, generation).isQuiet(),
          get: (id, { generation }, key) => runner(id, generation).recordGet(key),
          list: async (id, { generation }, query) => inPairs(await runner(id, generation).recordList(query)),
          write: (id, { generation }, ops) => runner(id, generation).recordWrite(ops),
        },
        results: (id, { generation }, params) => unwrap(runner(id, generation).results(name, id, params)),
      },
      alarm: { get: () => storage.getAlarm(), set: (time) => storage.setAlarm(time) },
      sendWebhook,
      background: (work) => ctx.waitUntil(work),
    });
  }

  // For the routes.

  takeCall(...args: Args<"takeCall">) {
    return outcome(this.#service.takeCall(...args));
  }

  batchesInFlight() {
    return outcome(this.#service.batchesInFlight());
  }

  createBatch(...args: Args<"createBatch">) {
    return outcome(this.#service.createBatch(...args));
  }

  retrieveBatch(...args: Args<"retrieveBatch">) {
    return outcome(this.#service.retrieveBatch(...args));
  }

  cancelBatch(...args: Args<"cancelBatch">) {
    return outcome(this.#service.cancelBatch(...args));
  }

  pauseBatch(...args: Args<"pauseBatch">) {
    return outcome(this.#service.pauseBatch(...args));
  }

  resumeBatch(...args: Args<"resumeBatch">) {
    return outcome(this.#service.resumeBatch(...args));
  }

  batchResults(...args: Args<"batchResults">) {
    return outcome(this.#service.batchResults(...args));
  }

  batchManifest(...args: Args<"batchManifest">) {
    return outcome(this.#service.batchManifest(...args));
  }

  listBatches(...args: Args<"listBatches">) {
    return outcome(this.#service.listBatches(...args));
  }

  startFile(...args: Args<"startFile">) {
    return outcome(this.#service.startFile(...args));
  }

  expectObjects(...args: Args<"expectObjects">) {
    return outcome(this.#service.expectObjects(...args));
  }

  expectMultipart(...args: Args<"expectMultipart">) {
    return outcome(this.#service.expectMultipart(...args));
  }

  moveGet(...args: Args<"moveGet">) {
    return outcome(this.#service.moveGet(...args));
  }

  moveList(...args: Args<"moveList">) {
    return outcome(this.#service.moveList(...args));
  }

  moveWrite(...args: Args<"moveWrite">) {
    return outcome(this.#service.moveWrite(...args));
  }

  moveRoom(...args: Args<"moveRoom">) {
    return outcome(this.#service.moveRoom(...args));
  }

  moveFile(...args: Args<"moveFile">) {
    return outcome(this.#service.moveFile(...args));
  }

  createFile(...args: Args<"createFile">) {
    return outcome(this.#service.createFile(...args));
  }

  getFile(...args: Args<"getFile">) {
    return outcome(this.#service.getFile(...args));
  }

  listFiles(...args: Args<"listFiles">) {
    return outcome(this.#service.listFiles(...args));
  }

  deleteFile(...args: Args<"deleteFile">) {
    return outcome(this.#service.deleteFile(...args));
  }

  createUpload(...args: Args<"createUpload">) {
    return outcome(this.#service.createUpload(...args));
  }

  uploadRoom(...args: Args<"uploadRoom">) {
    return outcome(this.#service.uploadRoom(...args));
  }

  addUploadPart(...args: Args<"addUploadPart">) {
    return outcome(this.#service.addUploadPart(...args));
  }

  partContent(...args: Args<"partContent">) {
    return outcome(this.#service.partContent(...args));
  }

  planUpload(...args: Args<"planUpload">) {
    return outcome(this.#service.planUpload(...args));
  }

  completeUpload(...args: Args<"completeUpload">) {
    return outcome(this.#service.completeUpload(...args));
  }

  cancelUpload(...args: Args<"cancelUpload">) {
    return outcome(this.#service.cancelUpload(...args));
  }

  createWebhook(...args: Args<"createWebhook">) {
    return outcome(this.#service.createWebhook(...args));
  }

  listWebhooks(...args: Args<"listWebhooks">) {
    return outcome(this.#service.listWebhooks(...args));
  }

  retrieveWebhook(...args: Args<"retrieveWebhook">) {
    return outcome(this.#service.retrieveWebhook(...args));
  }

  updateWebhook(...args: Args<"updateWebhook">) {
    return outcome(this.#service.updateWebhook(...args));
  }

  deleteWebhook(...args: Args<"deleteWebhook">) {
    return outcome(this.#service.deleteWebhook(...args));
  }

  rotateWebhookSecret(...args: Args<"rotateWebhookSecret">) {
    return outcome(this.#service.rotateWebhookSecret(...args));
  }

  testWebhook(...args: Args<"testWebhook">) {
    return outcome(this.#service.testWebhook(...args));
  }

  // For Runners.

  runnerGet(...args: Args<"runnerGet">) {
    return outcome(this.#service.runnerGet(...args));
  }

  runnerWrite(...args: Args<"runnerWrite">) {
    return outcome(this.#service.runnerWrite(...args));
  }

  runnerInput(...args: Args<"runnerInput">) {
    return outcome(this.#service.runnerInput(...args));
  }

  runnerFile(...args: Args<"runnerFile">) {
    return outcome(this.#service.runnerFile(...args));
  }

  runnerStarts(...args: Args<"runnerStarts">) {
    return outcome(this.#service.runnerStarts(...args));
  }

  runnerOutput(...args: Args<"runnerOutput">) {
    return outcome(this.#service.runnerOutput(...args));
  }

  runnerEnded(...args: Args<"runnerEnded">) {
    return outcome(this.#service.runnerEnded(...args));
  }

  runnerRests(...args: Args<"runnerRests">) {
    return outcome(this.#service.runnerRests(...args));
  }

  runnerDamaged(...args: Args<"runnerDamaged">) {
    return outcome(this.#service.runnerDamaged(...args));
  }

  // For the Worker, of all tenants alike.

  async drain(since: number | null): Promise<void> {
    if ((since === null) === (this.#drainedSince === null)) return;
    this.ctx.storage.sql.exec("DELETE FROM drain");
    if (since !== null) this.ctx.storage.sql.exec("INSERT INTO drain (since) VALUES (?)", since);
    this.#drainedSince = since;
    await this.#service.drainChanged();
  }

  async drainedSince(): Promise<number | null> {
    return this.#drainedSince;
  }

  #drainRecord(): number | null {
    const { sql } = this.ctx.storage;
    sql.exec("CREATE TABLE IF NOT EXISTS drain (since INTEGER PRIMARY KEY) WITHOUT ROWID");
    for (const row of sql.exec("SELECT since FROM drain")) return row.since as number;
    return null;
  }

  /** Called by the cron. */
  watch(): Promise<void> {
    return this.#service.watch();
  }

  alarm(): Promise<void> {
    return this.#service.alarm();
  }
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
