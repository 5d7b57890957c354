/**
 * Files that are checked without a batch: by the core, exactly as a batch over them would be, models and all, a piece at a time.
 * Nothing of them is kept.
 */

import { Batches, type InputValidation } from "../core/batches.ts";
import { ApiError, messageOf, ResourceNotFoundError } from "../core/errors.ts";
import type { Statistics } from "../core/reports.ts";
import { defaults } from "../core/rules.ts";
import type { FileObject, KV } from "../core/types.ts";
import { Validator } from "../core/validator.ts";
import type { TenantSettings } from "./ports.ts";

/** Pieces of 256 KiB after which other calls have their turn: some milliseconds of work. */
const PIECES_AT_ONCE = 8;

/** Where the bytes of a file come from, one piece after the other. */
export interface Source {
  /** How errors name it. */
  id: string;
  /** Null when there is no such file. */
  bytes: number | null;
  /** The next bytes, fewer only where they end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export interface Checked {
  report: Omit<InputValidation, "requests">;
  statistics: Statistics;
}

/** What a tenant's batches are checked by. */
export type Service = TenantSettings["service"];

/** The models are not known now: a model server that may have one does not say so. */
export class ModelsUnknownError extends Error {
  override name = "ModelsUnknownError";
}

/** Reads a file through. Rejects with what {@link Source.read} does, and with {@link ModelsUnknownError}. */
export async function checkInput(
  service: Service,
  source: Source,
  { endpoint, split }: { endpoint: string; split: boolean },
): Promise<Checked> {
  const { dialect, singleModel, limits, models } = service;
  // Beside the core's reader, which asks for models and counts none.
  const counts = new Validator({
    ...{ endpoint, statistics: true, limits: { ...limits, maxErrors: 1 } },
    ...(dialect !== undefined && { dialect }),
    ...(singleModel !== undefined && { singleModel }),
  });
  // What was thrown, as the core makes one text of everything.
  let thrown: { error: unknown } | undefined;
  const noting = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      thrown ??= { error };
      throw error;
    }
  };
  let pieces = 0;
  const files = {
    retrieve: async () => (source.bytes === null ? null : object(source.id, source.bytes)),
    read: (_: string, offset: number, length: number) =>
      noting(async () => {
        if (++pieces % PIECES_AT_ONCE === 0) await new Promise((next) => setTimeout(next, 0));
        const piece = await source.read(offset, length);
        counts.push(piece);
        return piece;
      }),
    create: unreachable,
  };
  const has = (model: string) =>
    noting(() =>
      models.has(model).catch((error) => {
        if (error instanceof ResourceNotFoundError) return false;
        throw new ModelsUnknownError(messageOf(error));
      }),
    );
  try {
    const batches = new Batches({ ...service, autostart: false, kv: noStore, files, models: { has } });
    const input = { input_file_id: source.id, endpoint, split };
    const { requests: _, ...report } = await batches.validateInput(input);
    counts.finish();
    return { report, statistics: counts.statistics() as Statistics };
  } catch (error) {
    throw thrown ? thrown.error : error;
  } finally {
    counts.free();
  }
}

/**
 * Refuses parameters that a create would refuse, in its words: it is one, which comes as far as the store.
 * @throws ApiError 400
 */
export async function checkParameters(service: Service, params: Record<string, unknown>): Promise<void> {
  const completion_window = service.completionWindows?.[0] ?? defaults.completionWindows[0];
  const files = { retrieve: async () => null, read: unreachable, create: unreachable };
  const batches: Creating = new Batches({ ...service, autostart: false, kv: noStore, files });
  await batches.create({ ...params, completion_window }).catch((error) => {
    if (!(error instanceof ApiError) || error.status < 500) throw error;
  });
}

interface Creating {
  create(params: object): Promise<unknown>;
}

function object(id: string, bytes: number): FileObject {
  return { id, object: "file", bytes, created_at: 0, filename: "input.jsonl", purpose: "batch" };
}

const unreachable = () => Promise.reject(new Error("nothing is stored"));

/** What is checked has no records. */
const noStore: KV = {
  caps: { consistency: "strong", atomic: true, checks: true, maxValue: Number.MAX_SAFE_INTEGER },
  get: unreachable,
  set: unreachable,
  delete: unreachable,
  list: unreachable,
  batch: unreachable,
};
