/** A batch as whichever server tells it: what it leaves out, or tells in another way, is not known. */
import { fixedLimits } from "../../core/rules.ts";
import type { Batch, BatchError, BatchStatus } from "../../core/types.ts";

type Told = Record<string, unknown>;

const MOST_SECONDS = 8.64e12;

const membersOf = (value: unknown): Told =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Told) : {};
const textOf = (value: unknown) => (typeof value === "string" && value !== "" ? value : null);
const countOf = (value: unknown) => (typeof value === "number" && value > 0 ? value : 0);
/** Seconds that a date can be made of. */
const timeOf = (value: unknown) =>
  typeof value === "number" && value > 0 && value < MOST_SECONDS ? value : null;

/** Null for what is no batch. A time of creation that is not told is 0. */
export function batchOf(told: unknown): Batch | null {
  const from = membersOf(told);
  const id = textOf(from.id);
  if (id === null) return null;
  const counts = membersOf(from.request_counts);
  const usage = membersOf(from.usage);
  const { data } = membersOf(from.errors);
  const metadata = Object.entries(membersOf(from.metadata)).map(([name, value]) => [name, String(value)]);
  return {
    ...{ id, object: "batch" },
    endpoint: textOf(from.endpoint) ?? "",
    model: textOf(from.model),
    errors: Array.isArray(data) ? { object: "list", data: data.map(errorOf) } : null,
    input_file_id: textOf(from.input_file_id) ?? "",
    completion_window: textOf(from.completion_window) ?? fixedLimits.completionWindow,
    status: (textOf(from.status) ?? "unknown") as BatchStatus,
    output_file_id: textOf(from.output_file_id),
    error_file_id: textOf(from.error_file_id),
    created_at: timeOf(from.created_at) ?? 0,
    in_progress_at: timeOf(from.in_progress_at),
    expires_at: timeOf(from.expires_at),
    finalizing_at: timeOf(from.finalizing_at),
    completed_at: timeOf(from.completed_at),
    failed_at: timeOf(from.failed_at),
    expired_at: timeOf(from.expired_at),
    cancelling_at: timeOf(from.cancelling_at),
    cancelled_at: timeOf(from.cancelled_at),
    request_counts: {
      total: countOf(counts.total),
      completed: countOf(counts.completed),
      failed: countOf(counts.failed),
    },
    usage: {
      input_tokens: countOf(usage.input_tokens),
      output_tokens: countOf(usage.output_tokens),
      total_tokens: countOf(usage.total_tokens),
      input_tokens_details: { cached_tokens: 0 },
      output_tokens_details: { reasoning_tokens: 0 },
    },
    metadata: Object.fromEntries(metadata),
    // Only servers of ours have it, in whole.
    edgebatch: membersOf(from.edgebatch),
  };
}

function errorOf(told: unknown): BatchError {
  const { code, message, param, line } = membersOf(told);
  return {
    code: textOf(code) ?? "error",
    message: textOf(message) ?? "",
    param: textOf(param),
    line: typeof line === "number" ? line : null,
  };
}
