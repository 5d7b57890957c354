/** Where a server's state is: in a folder of its own, or where several servers share it. */

import type { KV } from "../../core/types.ts";
import type { Draining } from "../../server/drain.ts";
import type { Blobs } from "../../server/ports.ts";
import type { SlotStore } from "../../server/upstreams/leased-slots.ts";

/** The records of one tenant. */
export interface TenantStore extends KV {
  close(): void;
}

export interface TenantStores {
  open(name: string): TenantStore;
  /** Whether there is anything of a tenant, as far as is known. */
  exists(name: string): boolean;
  /** What the records of all take. */
  bytes(): Promise<number>;
  /** Whatever is under way ends. */
  close(): Promise<void>;
}

/** The drain, and what is drained. */
export interface ServeDrain extends Draining {
  /** Since when it drains, in Unix seconds; null when it does not. */
  current(): number | null;
  /** What the drain is of, from now on. */
  of(drained: { inFlight(): Promise<number>; changed(): void }): void;
}

/** Whether state can be written. */
export interface Writable {
  /** Why not; null when it can. */
  fault(): Promise<string | null>;
  /** A store could not do something: it may be for this. */
  suspect(error: unknown): void;
  stop(): void;
}

export interface ServeState {
  /** For people. */
  readonly name: string;
  readonly stores: TenantStores;
  readonly blobs: Blobs;
  readonly draining: ServeDrain;
  readonly writable: Writable;
  /** The folder on whose disk it all is, if it is in one. */
  readonly folder: string | undefined;
  /** Whether other servers have it at the same time. */
  readonly isShared: boolean;
  /** Where they lease the places of model servers. */
  readonly slots?: SlotStore;
  /** Calls back when another server may have changed something of a tenant's, or there is another tenant. Gives what ends that. */
  watch?(changed: (tenant: string) => void): () => void;
  close(): Promise<void>;
}
