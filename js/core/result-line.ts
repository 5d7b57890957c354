/** A line of an output or error file, as servers write them, and how its request ended. */
import type { BatchRerun } from "./types.ts";

/** How a request ended. */
export type End = "answered" | "left out" | BatchRerun;

/** What is read of a line; servers write more. */
export interface ResultLine {
  custom_id?: unknown;
  response?: { status_code?: unknown; body?: { error?: unknown } | null } | null;
  error?: { code?: unknown; message?: unknown } | null;
}

export function endOf({ response, error }: ResultLine): End {
  const status = response?.status_code;
  const isGood = typeof status === "number" && status >= 200 && status < 300;
  if (isGood && !error && !response?.body?.error) return "answered";
  if (error?.code === "budget_exceeded") return "left out";
  if (error?.code === "batch_expired") return "expired";
  return error?.code === "batch_cancelled" ? "cancelled" : "failed";
}
