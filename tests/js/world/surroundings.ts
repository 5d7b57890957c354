/** What everything in a world knows of it. */

import type { Clock } from "../../../benches/worker/simulation/clock.ts";
import type { Chance } from "../../../benches/worker/simulation/random.ts";
import type { KV, KVOp } from "../../../js/core/types.ts";
import type { Blobs } from "../../../js/server/ports.ts";
import type { ModelServer } from "../../../js/server/upstreams/types.ts";
import type { SendWebhook } from "../../../js/server/webhooks/types.ts";
import type { Chances, Faults } from "./faults.ts";
import type { Life, Lifetime } from "./life.ts";

/** Parts of a server that do not do their work. */
export type Mutant =
  | "fencing"
  | "outbox"
  | "sweep"
  | "isolation"
  | "events"
  | "waste"
  | "writing"
  | "idempotency";

/** An answer with its whole body. */
export interface Reply {
  status: number;
  headers: Headers;
  body: Uint8Array;
}

/** What the model server was asked about one line. */
export interface Asked {
  calls: number;
  /** Calls that may be repeated, as they had no good answer. */
  bad: number;
  /** Interruptions that there had been when it was first asked. */
  interruptions: number;
}

/** A process that serves. */
export interface Server {
  readonly life: { readonly isDead: boolean };
  fetch(request: Request): Promise<Reply>;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly mutant: Mutant | undefined;
  readonly faults: Faults;
  /** Until when the store is away, or is full, and the model server throttles. */
  readonly outageUntil: number;
  readonly fullUntil: number;
  readonly stormUntil: number;
  /** Processes that have died, and those that were cut off from what they had. */
  readonly interruptions: number;
  /** What is begun until then may be lost. */
  interrupt(until: number): void;
  /** Whether servers tell times that are far from each other. */
  readonly clocksDiffer: boolean;
  /** Processes that serve at once, where all are well. More than one share what they know by the store alone. */
  readonly servers: number;
  /** Until when clients go on making batches; absent, each makes a number of them. */
  readonly goesOnUntil: number | undefined;
  /** All has come to its end. */
  readonly isCalm: boolean;
  /** One of those that serve now, if any does. */
  anyServer(): Server | undefined;
  /** A process has written something of a tenant: the others may hear of it. */
  announce(tenant: string, by: Life): void;
  readonly store: { of(tenant: string): KV; for(life: Life, tenant: string): KV };
  readonly bucket: { readonly objects: Map<string, Uint8Array>; for(life: Life): Blobs };
  readonly model: { for(life: Lifetime): ModelServer; forget(batch: string): void };
  readonly site: { readonly told: Map<string, Set<string>>; for(life: Lifetime): SendWebhook };
  readonly invariants: { written(tenant: string, ops: KVOp[]): void; asked(key: string, asked: Asked): void };
  readonly clients: readonly { name: string; ended: ReadonlySet<string>; files: ReadonlySet<string> }[];
  /** Says what happens, for who reads how it came to it. */
  note(what: string): void;
  /** As `note`, of what only a trace has. */
  trace(what: () => string): void;
  /** A fault, if chance has it so. */
  happens(fault: Chances): boolean;
  /** Something is not as it was promised. */
  break(what: string): void;
}
