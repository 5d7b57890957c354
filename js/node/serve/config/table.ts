/** Every setting of `edgebatch serve`, said once: what it is called, what it may be, its default and what it is for. */

import { defaults, fixedLimits, orders } from "../../../core/rules.ts";
import {
  bucket,
  choice,
  entries,
  type Kind,
  list,
  pairs,
  postgres,
  prices,
  text,
  whole,
  windows,
  yesNo,
} from "./kinds.ts";

/** Where one setting can be said: `--max-attempts`, `EDGEBATCH_MAX_ATTEMPTS`, and `max_attempts` in the file. */
export interface Setting<T> extends SettingRow<T> {
  readonly kind: Kind<NonNullable<T>>;
  readonly default: T;
}

interface SettingRow<T> {
  readonly help: string;
  /** What help says of the default, where the value alone would not do. */
  readonly otherwise?: string;
  /** Its key in the file where that is in a table; null where a file cannot say it. */
  readonly key?: string | null;
  /** Whether an option says it: not what must not be seen by whoever lists processes. */
  readonly option?: false;
  /** The headline that stands above it. */
  readonly group?: string;
  /** How a value is shown, where the kind does not know it. */
  show?(value: NonNullable<T>): string;
}

/** A setting that has a value always. */
function row<T extends NonNullable<unknown>>(
  kind: Kind<T>,
  value: T,
  more: SettingRow<NoInfer<T>>,
): Setting<T> {
  return { ...more, kind, default: value };
}

/** A setting that may be left unsaid. */
function open<T extends NonNullable<unknown>>(
  kind: Kind<T>,
  more: SettingRow<NoInfer<T>>,
): Setting<T | undefined> {
  return { ...more, kind, default: undefined } as Setting<T | undefined>;
}

const MOST = Number.MAX_SAFE_INTEGER;
const MIB = 1_048_576;
const { limits } = defaults;
const seconds = (to: number) => whole("seconds", 1, to);
const bytes = (to: number) => whole("bytes", 1, to);
const amount = (to: number) => whole("n", 1, to);
const unbounded = { otherwise: "no limit" };

/** In the order of help and documentation. Names are those of the values; see {@link optionOf} and its kin for the others. */
export const settings = {
  host: row(text("address", "an address"), "127.0.0.1", {
    group: "Listening",
    help: "address to listen on; one that others can reach needs keys, or --allow-anonymous",
  }),
  port: row(whole("n", 0, 65_535), 8080, {
    help: "port to listen on; 0 takes a free one",
    show: String,
  }),
  grace: row(seconds(86_400), 30, { help: "time that SIGTERM leaves to what is in flight" }),
  data: row(text("folder", "a folder"), ".edgebatch/server", {
    group: "State",
    help: "where all state is kept; made if missing",
  }),
  store: open(postgres, {
    help: "state that several servers share: a Postgres for records, postgres://user:password@host/database",
    otherwise: "none: the folder of --data",
  }),
  files: open(bucket, {
    help: "the bucket for bytes of files that goes with --store: s3://bucket/prefix",
    otherwise: "none",
  }),
  config: open(text("file", "a file"), {
    help: "file of settings, in TOML; options and variables win over it",
    otherwise: "none",
    key: null,
  }),
  url: open(text("base", "an http:// or https:// address without user name or password", true), {
    group: "Model server",
    help: "model server, such as http://localhost:8000/v1",
    otherwise: "none: the embedded model, echo-1",
  }),
  key: open(text("key", "a key", true), {
    help: "key of the model server",
    otherwise: "none",
    option: false,
  }),
  keyEnv: open(text("name", "the name of an environment variable"), {
    help: "environment variable that holds the key of the model server",
    otherwise: "EDGEBATCH_KEY",
  }),
  models: open(list("names", "names, separated by commas"), {
    help: "models that batches may name, separated by commas",
    otherwise: "any",
  }),
  concurrency: row(amount(10_000), defaults.maxConcurrentRequestsPerBatch, {
    help: "requests in flight at a model server, of all machines together that share their state",
  }),
  timeout: row(seconds(86_400), defaults.requestTimeoutMs / 1_000, { help: "time for one answer" }),
  stream: row(yesNo, false, {
    help: "ask the model server for streams, and put them together to the same answers",
  }),
  maxAttempts: row(amount(1_000), defaults.maxAttempts, {
    help: "tries of a request before its last answer is its result",
  }),
  interactiveFirst: row(yesNo, true, { help: "whether batches yield to calls that somebody waits for" }),
  latency: row(whole("ms", 0, 3_600_000), 0, {
    help: "time that the embedded model takes for an answer",
  }),
  batches: row(amount(10_000), defaults.maxConcurrentBatches, {
    group: "Batches",
    help: "batches of one tenant that run at once",
  }),
  completionWindows: row(windows, [fixedLimits.completionWindow], {
    help: "completion windows that a batch may name, separated by commas",
  }),
  order: row(choice("order", orders), defaults.order, {
    help: "order in which requests are sent: prefix has those together that begin alike",
  }),
  prices: open(prices, {
    help: "what a million tokens of input and output cost, for budgets that are a cost: model=in/out, by commas",
    otherwise: "none: budgets cap tokens and requests alone",
  }),
  maxRequests: row(amount(1_000_000_000), limits.maxRequests, { help: "requests of one file" }),
  maxParts: row(amount(1_000), defaults.maxParts, {
    help: "files' requests that one may have whose batch asks for split",
  }),
  maxFileBytes: row(bytes(MOST), limits.maxFileBytes, { help: "size of an input file" }),
  maxLineBytes: row(bytes(256 * MIB), limits.maxLineBytes, { help: "longest line of an input file" }),
  maxResponseBytes: row(bytes(256 * MIB), limits.maxResponseBytes, { help: "largest answer" }),
  apiKeys: open(pairs, {
    group: "Callers",
    help: "keys besides those of 'edgebatch keys': name:sha256 pairs, separated by commas, or a file of them",
    otherwise: "none",
  }),
  allowAnonymous: row(yesNo, false, {
    help: "serve callers without a key too, whoever can reach the address",
  }),
  adminKeys: open(entries, {
    help: "keys of the operator, who may drain the server: name:sha256 pairs, separated by commas",
    otherwise: "none",
  }),
  quotaFiles: open(amount(MOST), {
    help: "files that one tenant may keep",
    key: "quota.files",
    ...unbounded,
  }),
  quotaStoredBytes: open(bytes(MOST), {
    help: "bytes of files that one tenant may keep",
    key: "quota.stored_bytes",
    ...unbounded,
  }),
  quotaQueuedBatches: open(amount(MOST), {
    help: "batches of one tenant that have not ended",
    key: "quota.queued_batches",
    ...unbounded,
  }),
  quotaQueuedRequests: open(amount(MOST), {
    help: "requests in batches of one tenant that have not ended",
    key: "quota.queued_requests",
    ...unbounded,
  }),
  requestsPerMinute: open(amount(1_000_000_000), {
    help: "calls that one tenant may make in a minute",
    key: "rate.requests_per_minute",
    ...unbounded,
  }),
  webhookAllowPrivate: row(yesNo, false, {
    help: "whether webhooks may go to private addresses, and by http:// to this machine",
  }),
  metricsPort: open(whole("n", 0, 65_535), {
    group: "Log and metrics",
    help: "port that answers /metrics besides, without a key; 0 takes a free one",
    otherwise: "none",
    show: String,
  }),
  metricsHost: row(text("address", "an address"), "127.0.0.1", { help: "address of --metrics-port" }),
  logLevel: row(choice("level", ["error", "warn", "info", "debug"] as const), "info", {
    help: "what is logged; debug has a line for each HTTP request",
  }),
} as const;

export type SettingName = keyof typeof settings;

/** What every setting is, with defaults for what is not said. */
export type Values = { [Name in SettingName]: (typeof settings)[Name]["default"] };

/** A setting, for code that treats all alike. */
export type AnySetting = Setting<unknown>;

/** All settings, in their order. */
export const rows = Object.entries(settings) as [SettingName, AnySetting][];

const split = (name: string, mark: string) => name.replace(/[A-Z]/g, (letter) => mark + letter.toLowerCase());

/** `--max-attempts`; null where no option says it. */
export function optionOf(name: SettingName, setting: AnySetting): string | null {
  return setting.option === false ? null : `--${split(name, "-")}`;
}

/** `EDGEBATCH_MAX_ATTEMPTS` */
export function variableOf(name: SettingName): string {
  return `EDGEBATCH_${split(name, "_").toUpperCase()}`;
}

/** `max_attempts`, or `quota.files` for `files` of the table `[quota]`; null where the file cannot say it. */
export function keyOf(name: SettingName, { key }: AnySetting): string | null {
  return key === undefined ? split(name, "_") : key;
}

/** A value for people; of a secret only that there is one. */
export function shown({ kind, show, otherwise }: AnySetting, value: unknown): string {
  if (value === undefined || value === null) return otherwise ?? "none";
  if (kind.secret) return "set";
  return show ? show(value) : kind.show(value);
}
