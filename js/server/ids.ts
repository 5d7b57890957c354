/** Ids in OpenAI's shapes. */

/** A prefix and 32 hex digits. */
export function newId(prefix: "upload_" | "part_" | "req_"): string {
  return prefix + crypto.randomUUID().replaceAll("-", "");
}

/** Unix seconds. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}
