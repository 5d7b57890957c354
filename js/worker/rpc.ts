/** What the Worker's objects may be asked, and how errors come back: thrown across a call, they lose their fields. */

import { ApiError, type ApiErrorFields, apiError } from "../core/errors.ts";
import type {
  BatchResults,
  BatchResultsParams,
  InferenceRequest,
  InferenceResponse,
  KVOp,
  KVQuery,
} from "../core/types.ts";
import type { TenantApi, TurnApi } from "../server/tenant/api.ts";
import type { RecordPage } from "../server/tenant/record-page.ts";

/** A Tenant, for routes and Runners. */
export type TenantRpc = Remote<TenantApi & TurnApi> & {
  /** Called by the cron: the Tenant checks its batches if its alarm does not. */
  watch(): Promise<void>;
  /** Since when the server drains, in Unix seconds, or that it does not. Saying it again changes nothing. */
  drain(since: number | null): Promise<void>;
  /** As it was said last. */
  drainedSince(): Promise<number | null>;
};

/** A Runner, for its Tenant. `turn` is the newest turn the Tenant knows of. Every call is idempotent. */
export interface RunnerRpc {
  /** The batch is to run. */
  start(tenant: string, batchId: string, turn: number): Promise<void>;
  /** The batch is to be cancelled: a turn under way sees it within a second. */
  cancel(tenant: string, batchId: string, turn: number): Promise<void>;
  /** The batch is paused until it is started again: what is in flight ends, and nothing new starts. */
  hold(tenant: string, batchId: string, turn: number): Promise<void>;
  /** A turn under way is to look at once what the user wishes. */
  wished(): Promise<void>;
  /** Whether no turn is under way. */
  isQuiet(): Promise<boolean>;
  /** Records of this object's storage, for a move of the batch. */
  recordGet(key: string): Promise<Uint8Array | null>;
  recordList(query: KVQuery): Promise<RecordPage>;
  recordWrite(ops: KVOp[]): Promise<void>;
  /** Finished lines of the batch, which has not ended. */
  results(tenant: string, batchId: string, params: BatchResultsParams): Promise<Outcome<BatchResults>>;
}

/** A request that a Runner has a lane make. */
export interface LaneCall extends InferenceRequest {
  batchId: string;
  /** The Runner's turn. */
  turn: number;
  /** It was made before, and no answer came of it: one that the lane still has is the answer. */
  rejoin: boolean;
}

/** The model server's answer; why there is none, as errors lose their names on the way; or that the lane takes no more. */
export type LaneAnswer =
  | { answer: InferenceResponse }
  | { error: { name: string; message: string } }
  | { busy: true };

/** A lane, for the Runners of its tenant. */
export interface LaneRpc {
  infer(call: LaneCall): Promise<LaneAnswer>;
  /** Ends calls of a batch, by their idempotency keys. */
  abort(batchId: string, keys: string[]): Promise<void>;
  /** A turn begins after one that died: the keys of its calls that are under way here, or were answered a short while ago. */
  held(batchId: string, turn: number): Promise<string[]>;
}

/** What a call between objects gives back. */
export type Outcome<T> = { ok: T } | { error: ApiErrorFields };

/** An API whose calls give outcomes. */
export type Remote<Api> = {
  [K in keyof Api]: Api[K] extends (...args: infer A) => Promise<infer T>
    ? (...args: A) => Promise<Outcome<T>>
    : never;
};

/** Runs a call; an {@link ApiError} becomes part of the answer. */
export async function outcome<T>(call: Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: await call };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { status, type, message, param, code } = error;
    return { error: { status, type, message, param, code } };
  }
}

/** The value, or the error thrown again. */
export async function unwrap<T>(answer: Promise<Outcome<T>>): Promise<T> {
  const found = await answer;
  if ("error" in found) throw apiError(found.error);
  return found.ok;
}

/** The API of a remote object: its calls give values, and throw errors with their fields. */
export function unwrapped<Api extends object>(remote: Remote<Api>): Api {
  const calls = remote as Record<string, (...args: unknown[]) => Promise<Outcome<unknown>>>;
  const call =
    (name: string) =>
    (...args: unknown[]) =>
      unwrap((calls[name] as (typeof calls)[string])(...args));
  return new Proxy({} as Api, { get: (_, name) => call(String(name)) });
}
