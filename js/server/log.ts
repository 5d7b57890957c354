/** Logs for the operator: one JSON object per line; ids, statuses and times, never prompts, answers or keys. */

export function log(event: string, fields: Record<string, string | number | null> = {}): void {
  console.log(JSON.stringify({ event, ...fields }));
}

/** What an operator is to know of. */
export function logWarning(event: string, fields: Record<string, string | number | null> = {}): void {
  console.warn(JSON.stringify({ event, ...fields }));
}

/** A defect or an outage. The message may quote a host or a store, never a request. */
export function logError(event: string, error: unknown, fields: Record<string, string | number> = {}): void {
  const { name, message } = error instanceof Error ? error : { name: typeof error, message: String(error) };
  console.error(JSON.stringify({ event, ...fields, error: name, message }));
}
