/** Moves of a tenant's batches, to and from other hosts: the library's own, over the tenant and the store of its files. */

import { Batches } from "../core/batches.ts";
import { ResourceNotFoundError } from "../core/errors.ts";
import { newFileId } from "../core/file-id.ts";
import type { FileObject, Files, FileWriter, KV, KVCheck, KVOp } from "../core/types.ts";
import type { Call } from "./http.ts";
import { now } from "./ids.ts";
import { fileKey } from "./keys.ts";
import { BATCH_SECONDS } from "./purposes.ts";
import { readSegments } from "./stored-bytes.ts";
import type { TenantApi } from "./tenant/api.ts";
import { storageFull } from "./tenant/quotas.ts";
import { inPairs } from "./tenant/record-page.ts";

/** What moves batches of the caller's tenant. */
export function movesOf(c: Call): Batches {
  const service = c.env.service(c.var.tenantName);
  return new Batches({ ...service, autostart: false, kv: recordsOf(c.var.tenant), files: new MovedFiles(c) });
}

function recordsOf(tenant: TenantApi): KV {
  const batch = (ops: KVOp[], checks: KVCheck[] = []) => tenant.moveWrite(ops, checks);
  return {
    caps: { consistency: "strong", atomic: true, checks: true, keys: true, maxValue: 2_000_000 },
    get: (key) => tenant.moveGet(key),
    list: async (query) => inPairs(await tenant.moveList(query)),
    batch,
    set: async (key, value) => void (await batch([{ type: "set", key, value }])),
    delete: async (key) => void (await batch([{ type: "delete", key }])),
  };
}

const LF = 10;

class MovedFiles implements Files {
  readonly #c: Call;

  constructor(c: Call) {
    this.#c = c;
  }

  async retrieve(id: string, holder?: string): Promise<FileObject | null> {
    return (await this.#find(id, holder))?.file ?? null;
  }

  async read(id: string, offset: number, length: number, holder?: string): Promise<Uint8Array> {
    const found = await this.#find(id, holder);
    const bytes = found && (await readSegments(this.#c.env.blobs, found.segments, offset, length));
    if (!bytes) throw new ResourceNotFoundError(`No such File object: ${id}`, { param: "id" });
    return bytes;
  }

  #find(id: string, holder = "") {
    return this.#c.var.tenant.moveFile(holder, id);
  }

  async create(options: { filename: string; purpose: string; id?: string }): Promise<FileWriter> {
    const { tenant, tenantName } = this.#c.var;
    const { blobs } = this.#c.env;
    const { filename, purpose, id = newFileId() } = options;
    // Under a name of its own: bytes of a deleted file of this id may still be read.
    const key = fileKey(tenantName, newFileId());
    const room = await tenant.startFile(key);
    const writer = blobs.write(key, (uploadId) => tenant.expectMultipart(key, uploadId));
    let [lines, last] = [0, LF];
    return {
      async write(part) {
        if (writer.size + part.length > room) throw storageFull();
        for (let at = 0; at < part.length; at++) if (part[at] === LF) lines++;
        last = part.at(-1) ?? last;
        await writer.write(part);
      },
      async complete() {
        const bytes = await writer.complete();
        const created_at = now();
        return tenant.createFile({
          ...{ id, purpose, filename, created_at, expires_at: created_at + BATCH_SECONDS },
          ...{ lines: lines + (last === LF ? 0 : 1), segments: [{ key, bytes }] },
        });
      },
      abort: () => writer.abort(),
    };
  }
}
