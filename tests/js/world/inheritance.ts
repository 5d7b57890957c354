/** Stores as the first version left them, in each phase of a batch, with what a server has beside them. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { KV, KVOp } from "../../../js/core/types.ts";
import { BATCH, FILE_TOTALS, fileKey, heldInput } from "../../../js/server/keys.ts";
import { Change } from "../../../js/server/tenant/change.ts";
import { type FileTotals, storeFile } from "../../../js/server/tenant/file-index.ts";
import type { WireFile } from "../../../js/server/tenant/types.ts";

const folder = join(import.meta.dirname, "../../data/stored/v1");
const phases = readdirSync(folder).sort();

/** All of them were left before this, in Unix milliseconds. */
export const LEFT_BY = 1_790_000_200_000;

interface Left {
  input: string;
  files: Record<string, string>;
  store: Record<string, string>;
}

/** A batch that somebody made of an earlier version, and what it is made of. */
export interface Inherited {
  phase: string;
  id: string;
  input: string;
  lines: number;
}

/** Fills a tenant's store with what was left in a phase, the one at this place of them all: from 0 up to, not with, 1. */
export async function inherit(
  tenant: { name: string; kv: KV; written(ops: KVOp[]): void },
  objects: Map<string, Uint8Array>,
  place: number,
): Promise<Inherited> {
  const phase = phases[Math.floor(place * phases.length)] as string;
  const { input, files, store }: Left = JSON.parse(readFileSync(join(folder, phase), "utf8"));
  const key = Object.keys(store).find((key) => key.startsWith(BATCH)) as string;
  const { id, input_file_id } = JSON.parse(store[key] as string);
  const c = new Change(tenant.kv);
  for (const [key, value] of Object.entries(store)) c.setBytes(key, new TextEncoder().encode(value));
  const totals: FileTotals = { files: 0, bytes: 0, seq: 0 };
  for (const [file, content] of [[input_file_id, input] as const, ...Object.entries(files)]) {
    const isInput = file === input_file_id;
    const [object, bytes] = [fileKey(tenant.name, file), new TextEncoder().encode(content)];
    objects.set(object, bytes);
    totals.files += 1;
    totals.bytes += bytes.length;
    totals.seq += 1;
    const record: WireFile = {
      ...{ object: "file", id: file, filename: `${file}.jsonl`, bytes: bytes.length },
      ...{ purpose: isInput ? "batch" : "batch_output", created_at: 1_790_000_000, expires_at: null },
      ...{ status: "processed", status_details: null },
    };
    const left = { file: record, seq: totals.seq, holders: isInput ? 1 : 0, deleted_at: null };
    storeFile(c, left, [{ key: object, bytes: bytes.length }]);
  }
  c.set(heldInput(id), input_file_id);
  c.set(FILE_TOTALS, totals);
  await tenant.kv.batch?.(c.ops());
  tenant.written(c.ops());
  return { phase, id, input: input_file_id, lines: input.trimEnd().split("\n").length };
}
