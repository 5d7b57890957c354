/** What may be set of the core. Defaults are the core's: what is left out, or undefined, has them. */
import type { Prices } from "./prices.ts";
import type { BatchOrder, Dialect, Limits } from "./types.ts";

/** What may be set of validation. */
export interface ValidationOptions {
  /** Whose error texts: this project's own, or OpenAI's. Default `reference`. */
  dialect?: Dialect;
  limits?: Limits;
  /** Whether all lines of a file must name the same model, as OpenAI demands. Default false. */
  singleModel?: boolean;
}

/** What may be set of a service and its runs. */
export interface ServiceSettings extends ValidationOptions {
  /** Endpoints a batch may name. Default: `/v1/chat/completions` alone. */
  endpoints?: string[];
  /** Batches that run at once; the others wait as `validating`. Default 1. */
  maxConcurrentBatches?: number;
  /** Requests of one batch in flight at once. Default 10. */
  maxConcurrentRequestsPerBatch?: number;
  /**
   * Parts of `limits.maxRequests` that a file may have where its batch asks for `split`; 1 to split none. While a file is checked,
   * each of its ids takes 24 bytes. Default 20.
   */
  maxParts?: number;
  /** Tries of one request that count against it before its last answer is its result. Default 5. */
  maxAttempts?: number;
  /** Milliseconds one try may take. Default 600,000. */
  requestTimeoutMs?: number;
  /**
   * Seconds a batch of the window `24h` may take from its creation, after which it expires; null for as long as it takes.
   * Default 86,400.
   */
  completionWindowSeconds?: number | null;
  /** Values of `completion_window` that a batch may name, such as `1h` or `7d`, up to `30d`. Default: `24h` alone. */
  completionWindows?: string[];
  /**
   * Milliseconds after which another service takes over a batch whose owner no longer renews its lease, as its process was
   * killed. At least 1,000; default 10,000.
   */
  leaseMs?: number;
  /**
   * Whether nobody else runs the store's batches, as the caller has made sure: what another service has left is taken over at
   * once. Default false.
   */
  soleOwner?: boolean;
  /** In which order the requests of a batch are sent that says nothing of it. Default `file`. */
  order?: BatchOrder;
  /** What a million tokens cost, by model, for budgets that are an amount of money. Default: nothing is known. */
  prices?: Prices;
  /**
   * Whether the end of a batch leaves a record `event:` and its id in the store, of an event in OpenAI's shape: written with
   * that end, so that no crash comes between, and deleted by whoever tells it. Default false.
   */
  events?: boolean;
}

/** Every setting, as the core has it where nothing is set. */
export type SettingsWithDefaults = Required<ServiceSettings> & { limits: Required<Limits> };

/** What is known of an endpoint. */
export interface EndpointRules {
  /** What a body must hold besides the model. */
  parameter: string;
  modelOptional: boolean;
  /** It takes and gives JSON alone, neither images nor videos. */
  jsonOnly: boolean;
}

/** Options of {@link Validator}. */
export interface ValidatorOptions extends ValidationOptions {
  /** The endpoint the file is to run on, such as `/v1/chat/completions`. */
  endpoint: string;
  /** Whether {@link Validator.statistics} are kept. Default false. */
  statistics?: boolean;
  /** Whether the offsets of good lines are kept for {@link Validator.takeGoodLines}. Default false. */
  goodLines?: boolean;
}
