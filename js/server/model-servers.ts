/** What an operator says of the model servers. */

/** One model server. */
export interface ModelServerSettings {
  /** What the log and the metrics call it. */
  name: string;
  /** Its base URL, as OpenAI's SDKs take it. */
  url: string;
  /** Sent as `authorization: Bearer …`. */
  key?: string;
  /** Further headers. */
  headers?: Record<string, string>;
  /** The models it is asked for; whatever it offers where they are left out. */
  models?: string[];
  /** Requests in flight there at once. */
  concurrency: number;
  /** How long one answer may take. */
  timeoutMs: number;
  /** Whether answers are asked for as streams. */
  stream?: boolean;
}
