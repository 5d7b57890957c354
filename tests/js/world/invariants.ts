/** What holds in every world, after every step and in the end. */

import type { KV, KVOp } from "../../../js/core/types.ts";
import { BATCH, FILE_TOTALS, fileBytes, fileRecord, WASTE, writing } from "../../../js/server/keys.ts";
import type { Segment } from "../../../js/server/tenant/types.ts";
import { QUOTAS } from "./process.ts";
import type { Asked, Surroundings } from "./surroundings.ts";

/** What a batch may become. */
const NEXT: Record<string, string[]> = {
  validating: ["in_progress", "cancelling", "failed", "cancelled"],
  in_progress: ["finalizing", "cancelling", "failed"],
  finalizing: ["completed", "expired", "failed", "cancelling"],
  cancelling: ["cancelled", "failed"],
};

export interface Seen {
  id: string;
  status: string;
  request_counts: { total: number; completed: number; failed: number };
}

/** How a batch has changed that it must not; null when it may. */
export function wrongStep(before: Seen, after: Seen): string | null {
  const [from, to] = [before.status, after.status];
  const [was, is] = [before.request_counts, after.request_counts];
  const reached = new Set([from]);
  for (const status of reached) for (const next of NEXT[status] ?? []) reached.add(next);
  if (!reached.has(to)) return `${after.id} was ${from} and is ${to}`;
  if (was.total > 0 && is.total !== was.total)
    return `${after.id} had ${was.total} requests and has ${is.total}`;
  if (is.completed < was.completed || is.failed < was.failed)
    return `${after.id} had ${was.completed} and ${was.failed} done, and has ${is.completed} and ${is.failed}`;
  return null;
}

const decoded = (value: Uint8Array) => JSON.parse(new TextDecoder().decode(value));

export class Invariants {
  readonly #world: Surroundings;
  readonly #batches = new Map<string, { tenant: string; seen: Seen }>();
  /** Batches that have not ended, by tenant. */
  readonly #open = new Map<string, Set<string>>();

  constructor(world: Surroundings) {
    this.#world = world;
  }

  /** Something was written, whoever did. */
  written(tenant: string, ops: KVOp[]): void {
    this.#world.trace(() => `${tenant}: ${ops.map(told).join(", ")}`);
    for (const op of ops) {
      if (!op.key.startsWith(BATCH)) continue;
      if (op.type === "delete") {
        this.#world.break(`the record ${op.key} was deleted`);
        continue;
      }
      const seen: Seen = decoded(op.value);
      const before = this.#batches.get(seen.id);
      if (before?.seen.status !== seen.status) this.#world.note(`${seen.id} of ${tenant} is ${seen.status}`);
      const { id, status, request_counts } = seen;
      this.#batches.set(id, { tenant, seen: { id, status, request_counts } });
      if (before && before.tenant !== tenant) this.#world.break(`${id} is of ${before.tenant} and ${tenant}`);
      const wrong = before && wrongStep(before.seen, seen);
      if (wrong) this.#world.break(wrong);
      const open = this.#open.get(tenant) ?? new Set();
      this.#open.set(tenant, open);
      if (seen.status in NEXT) open.add(seen.id);
      else open.delete(seen.id);
      if (open.size > QUOTAS.queuedBatches) this.#world.break(`${tenant} has ${open.size} batches queued`);
    }
  }

  /** A line was asked for once more: each time there is a reason. */
  asked(key: string, asked: Asked): void {
    // One whose clock is far ahead takes every lease for one that ended long ago.
    if (this.#world.clocksDiffer) asked.bad++;
    const { calls, bad, interruptions } = asked;
    const most = 1 + bad + (this.#world.interruptions - interruptions);
    if (calls > most) this.#world.break(`${key} was asked for ${calls} times, and ${most} were called for`);
  }

  /** Nothing is under way, and all that was due was looked after. */
  async atTheEnd(): Promise<void> {
    const world = this.#world;
    const named = new Set<string>();
    for (const { name } of world.clients) {
      const kv = world.store.of(name);
      const keys = await keysOf(kv);
      const files = keys.filter((key) => key.startsWith(fileRecord("")));
      let bytes = 0;
      for (const key of files) {
        const stored = await kv.get(fileBytes(key.slice(fileRecord("").length)));
        for (const segment of stored ? (decoded(stored) as Segment[]) : []) {
          named.add(segment.key);
          bytes += segment.bytes;
          const object = world.bucket.objects.get(segment.key);
          if (object?.length !== segment.bytes) world.break(`${segment.key} is not what its record says`);
        }
      }
      const totals = await kv.get(FILE_TOTALS);
      const told = totals ? decoded(totals) : { files: 0, bytes: 0 };
      if (told.files !== files.length || told.bytes !== bytes)
        world.break(
          `${name} has ${files.length} files of ${bytes} bytes, and counts ${JSON.stringify(told)}`,
        );
      for (const left of [WASTE, writing("")])
        if (keys.some((key) => key.startsWith(left))) world.break(`${name} has something left under ${left}`);
      for (const id of this.#batches.keys()) {
        const kinds = [BATCH, "manifest:", "tenant:"];
        const left = keys.find((key) => key.includes(id) && !kinds.some((kind) => key.startsWith(kind)));
        if (left) world.break(`${left} was left behind`);
      }
    }
    for (const key of world.bucket.objects.keys())
      if (!named.has(key)) world.break(`${key} belongs to no file`);
    for (const { seen } of this.#batches.values())
      if (seen.status in NEXT) world.break(`${seen.id} is ${seen.status} for ever`);
  }
}

async function keysOf(kv: KV): Promise<string[]> {
  const keys: string[] = [];
  for (let more = true; more; ) {
    const page = await kv.list({
      prefix: "",
      ...(keys.length > 0 && { after: keys.at(-1) as string }),
      keys: true,
    });
    keys.push(...page.entries.map(([key]) => key));
    more = page.more;
  }
  return keys;
}

/** A write, for who reads a history. */
function told(op: KVOp): string {
  if (op.type === "delete") return `${op.key} is deleted`;
  if (!op.key.startsWith(BATCH)) return op.key;
  const { status, request_counts: counts }: Seen = decoded(op.value);
  return `${op.key} ${status} ${counts.completed}+${counts.failed}/${counts.total}`;
}
