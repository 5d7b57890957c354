/** What the server stands on, in memory: for tests of what it does wherever it runs. */

import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { KV } from "../../../js/core/types.ts";
import { echoCalls } from "../../../js/hosts/inference/echo/calls.ts";
import { echoInference, echoModels } from "../../../js/hosts/inference/echo.ts";
import { MemoryKV } from "../../../js/hosts/kv/memory.ts";
import type { Blobs, Ports, Runs, TenantPorts } from "../../../js/server/ports.ts";
import { TenantService } from "../../../js/server/tenant/service.ts";
import { ModelServers } from "../../../js/server/upstreams/upstreams.ts";

export function memoryBlobs(): Blobs & { objects: Map<string, Uint8Array> } {
  const objects = new Map<string, Uint8Array>();
  const cut = (bytes: Uint8Array, offset: number, length: number) =>
    new Uint8Array(bytes.subarray(offset, offset + length));
  return {
    objects,
    async read(key, offset, length) {
      const bytes = objects.get(key);
      return bytes ? cut(bytes, offset, length) : null;
    },
    async open(key, offset, length) {
      const bytes = objects.get(key);
      return bytes ? { size: bytes.length, body: new Blob([cut(bytes, offset, length)]).stream() } : null;
    },
    write(key) {
      const chunks: Uint8Array[] = [];
      let size = 0;
      return {
        get size() {
          return size;
        },
        async write(chunk) {
          chunks.push(chunk.slice());
          size += chunk.length;
        },
        async complete() {
          objects.set(key, new Uint8Array(Buffer.concat(chunks)));
          return size;
        },
        async abort() {},
      };
    },
    async delete(keys) {
      for (const key of keys) objects.delete(key);
    },
    async discard() {},
  };
}

/** A store whose every call lets others come between. */
export function crowded(kv: KV): KV {
  const late = async <T>(call: () => Promise<T>) => {
    for (let turns = Math.floor(Math.random() * 4); turns >= 0; turns--) await setImmediate();
    return call();
  };
  return {
    caps: kv.caps,
    get: (key) => late(() => kv.get(key)),
    set: (key, value) => late(() => kv.set(key, value)),
    delete: (key) => late(() => kv.delete(key)),
    list: (query) => late(() => kv.list(query)),
    batch: (ops, checks) => late(async () => (await kv.batch?.(ops, checks)) ?? false),
  };
}

/** A tenant's service over stores that others may share. `told` has what its Runners were told. */
export function tenant(
  kv: KV = new MemoryKV(),
  blobs: Blobs = memoryBlobs(),
  more: Partial<TenantPorts> = {},
) {
  const told: string[] = [];
  const tell = (what: keyof Runs) => async (id: string) => void told.push(`${what} ${id}`);
  const work: Promise<unknown>[] = [];
  let time: number | null = null;
  const ports: TenantPorts = {
    ...{ name: "alice", kv, blobs },
    runs: { start: tell("start"), cancel: tell("cancel"), hold: tell("hold") },
    settings: {
      service: { autostart: false, inference: echoInference(), models: echoModels },
      quotas: { files: Infinity, storedBytes: Infinity, queuedBatches: Infinity, queuedRequests: Infinity },
      isRevoked: () => false,
    },
    alarm: {
      get: async () => time,
      set: async (at) => {
        time = at;
      },
    },
    sendWebhook: () => Promise.reject(new Error("there is nobody to send to")),
    background: (promise) => void work.push(promise),
    ...more,
  };
  const service = new TenantService(ports);
  const settled = async () => {
    while (work.length > 0) await work.shift();
  };
  return { service, kv, blobs, told, settled };
}

/** What `app.fetch` takes besides a request. */
export function ports(more: Partial<Ports> = {}): Ports {
  const blobs = memoryBlobs();
  const { service } = tenant(new MemoryKV(), blobs);
  return {
    keys: { ALLOW_ANONYMOUS: "1" },
    operator: { pairs: undefined, isOpen: true, advice: "" },
    draining: { since: async () => null, inFlight: async () => 0, set: async () => {} },
    settings: () => ({
      ...{ dialect: "openai", maxFileBytes: 209_715_200, maxLineBytes: 8_388_608 },
      requestsPerMinute: Infinity,
    }),
    tenant: () => service,
    service: () => ({
      ...{ autostart: false, dialect: "openai", inference: echoInference(), models: echoModels },
    }),
    blobs,
    platform: {
      fixedLength: () => new TransformStream(),
      md5: async (content) => {
        const hash = createHash("md5");
        for await (const chunk of content) hash.update(chunk);
        return new Uint8Array(hash.digest());
      },
    },
    upstreams: new ModelServers({ servers: [echoServer] }),
    ...more,
  };
}

const echoServer = { name: "echo", models: ["echo-1"], concurrency: 10, timeoutMs: 60_000, ...echoCalls() };
