/** What a call between Durable Objects gives back: errors thrown across such a call lose their fields. */

import { ApiError, type ApiErrorFields, apiError } from "../core/errors.ts";

export type Outcome<T> = { ok: T } | { error: ApiErrorFields };

/** Runs a call; an {@link ApiError} becomes part of the answer. */
export async function outcome<T>(call: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: await call() };
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
