/** The rules of the core, as data. Written by `UPDATE_TYPESCRIPT=1 cargo test --lib typescript`, from src/typescript. */
import type { Cure } from "./repair.ts";
import type { EndpointRules, SettingsWithDefaults } from "./settings.ts";
import type { BatchOrder, BatchStatus } from "./types.ts";

/** The defaults of a service's settings. */
export const defaults: SettingsWithDefaults = {
  dialect: "reference",
  endpoints: ["/v1/chat/completions"],
  limits: {
    maxRequests: 50000,
    maxFileBytes: 209715200,
    maxLineBytes: 8388608,
    maxErrors: 1000,
    maxResponseBytes: 8388608,
  },
  maxParts: 20,
  singleModel: false,
  maxConcurrentBatches: 1,
  maxConcurrentRequestsPerBatch: 10,
  maxAttempts: 5,
  requestTimeoutMs: 600000,
  completionWindowSeconds: 86400,
  completionWindows: ["24h"],
  leaseMs: 10000,
  soleOwner: false,
  order: "file",
  prices: {},
  events: false,
};

/** Every status of a batch, and whether it is the end. */
export const isTerminal: Readonly<Record<BatchStatus, boolean>> = {
  validating: false,
  failed: true,
  in_progress: false,
  finalizing: false,
  completed: true,
  expired: true,
  cancelling: false,
  cancelled: true,
};

/** The endpoints that are known, by what a body must hold besides the model. */
export const endpoints: Readonly<Record<string, EndpointRules>> = {
  "/v1/chat/completions": {
    parameter: "messages",
    modelOptional: false,
    jsonOnly: true,
  },
  "/v1/completions": {
    parameter: "prompt",
    modelOptional: false,
    jsonOnly: true,
  },
  "/v1/embeddings": {
    parameter: "input",
    modelOptional: false,
    jsonOnly: true,
  },
  "/v1/responses": {
    parameter: "input",
    modelOptional: false,
    jsonOnly: true,
  },
  "/v1/moderations": {
    parameter: "input",
    modelOptional: true,
    jsonOnly: true,
  },
  "/v1/images/generations": {
    parameter: "prompt",
    modelOptional: true,
    jsonOnly: false,
  },
  "/v1/images/edits": {
    parameter: "prompt",
    modelOptional: true,
    jsonOnly: false,
  },
  "/v1/videos": {
    parameter: "prompt",
    modelOptional: true,
    jsonOnly: false,
  },
};

/** In which orders requests may be sent. */
export const orders: readonly BatchOrder[] = ["file", "prefix"];

/** What no setting changes. */
export const fixedLimits = {
  completionWindow: "24h",
  maxMetadataPairs: 16,
  maxMetadataKeyChars: 64,
  maxMetadataValueChars: 512,
  maxCustomIdChars: 512,
  defaultPage: 20,
  maxPage: 100,
  minFileLifetimeSeconds: 3600,
  maxFileLifetimeSeconds: 2592000,
  sniffBytes: 16384,
};

/** What the keys of records in the store begin with, who writes them once their batch exists, and whether nobody but the batch's run reads them. */
export const keys = {
  batch: {
    prefix: "batch:",
    owner: "run",
    isPrivate: false,
  },
  run: {
    prefix: "run:",
    owner: "run",
    isPrivate: false,
  },
  lease: {
    prefix: "lease:",
    owner: "run",
    isPrivate: false,
  },
  checkpoint: {
    prefix: "checkpoint:",
    owner: "run",
    isPrivate: true,
  },
  result: {
    prefix: "result:",
    owner: "run",
    isPrivate: true,
  },
  large: {
    prefix: "large:",
    owner: "run",
    isPrivate: true,
  },
  order: {
    prefix: "order:",
    owner: "run",
    isPrivate: true,
  },
  repeat: {
    prefix: "repeat:",
    owner: "run",
    isPrivate: true,
  },
  plan: {
    prefix: "plan:",
    owner: "run",
    isPrivate: true,
  },
  event: {
    prefix: "event:",
    owner: "run",
    isPrivate: false,
  },
  manifest: {
    prefix: "manifest:",
    owner: "run",
    isPrivate: false,
  },
  cancel: {
    prefix: "cancel:",
    owner: "service",
    isPrivate: false,
  },
  watch: {
    prefix: "watch:",
    owner: "service",
    isPrivate: false,
  },
  pause: {
    prefix: "pause:",
    owner: "service",
    isPrivate: false,
  },
  idempotency: {
    prefix: "idempotency:",
    owner: "service",
    isPrivate: false,
  },
  newest: {
    prefix: "newest",
    owner: "service",
    isPrivate: false,
  },
  priorities: {
    prefix: "priorities",
    owner: "service",
    isPrivate: false,
  },
  importing: {
    prefix: "importing:",
    owner: "service",
    isPrivate: false,
  },
  imported: {
    prefix: "imported:",
    owner: "service",
    isPrivate: false,
  },
};

/** The version of checkpoints that this build writes, and the only one that it reads. */
export const checkpointVersion = 1;

/** What can be mended in a file, in the order in which it is. */
export const cures: readonly Cure[] = [
  "encoding",
  "lines",
  "json",
  "stream",
  "method",
  "url",
  "ids",
  "duplicates",
];
