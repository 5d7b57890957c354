/** A tab that runs batches, for a test that opens, watches and kills it. */

import {
  anyModel,
  Batches,
  fetchInference,
  IndexedDbKV,
  OpfsFiles,
  readLines,
} from "../../../../../js/entry/inline.ts";

/** A long lease shows whether somebody waits for its end. */
const LEASE_MS = 60_000;

const kv = new IndexedDbKV("batches");
const files = new OpfsFiles("batches");
let batches: Batches | undefined;
/** What the service has told of, since it could not go on for the moment. */
const faults: string[] = [];

function running(): Batches {
  if (batches === undefined) throw new Error("this tab runs nothing");
  return batches;
}

/** Runs batches against a model server; `lock` is how the store's lock is asked for, null to run them without. */
async function open(baseUrl: string, lock: { wait: boolean } | null): Promise<void> {
  if (lock !== null) await kv.lock(lock);
  const inference = fetchInference({ baseUrl });
  const onError = (error: unknown) => faults.push(String(error));
  const settings = { leaseMs: LEASE_MS, soleOwner: lock !== null, onError };
  batches = new Batches({ kv, files, inference, models: anyModel, ...settings });
}

async function submit(lines: string): Promise<string> {
  const input = await files.add(new File([lines], "in.jsonl"));
  const { id } = await running().create({
    ...{ input_file_id: input.id, endpoint: "/v1/chat/completions", completion_window: "24h" },
  });
  return id;
}

/** How a batch ends, and what each line of its output answers. */
async function result(id: string): Promise<{ status: string; ids: string[] }> {
  const { status, output_file_id } = await running().wait(id);
  const ids: string[] = [];
  for await (const line of readLines(files, output_file_id ?? "")) ids.push(JSON.parse(line).custom_id);
  return { status, ids };
}

/** The names of all bytes in the private file system. */
async function bytesKept(): Promise<string[]> {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle("batches", { create: true });
  const names: string[] = [];
  for await (const name of folder.keys()) names.push(name);
  return names;
}

export const tab = { open, submit, result, bytesKept, faults, kv, files };
Object.assign(globalThis, { tab });
