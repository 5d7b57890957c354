/** A disk of a few megabytes, in a mount namespace of the server's own: it goes with the process. */

import { spawnSync } from "node:child_process";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folder } from "../cli/command.ts";
import { type Serving, serving } from "./serving.ts";

export const NAMESPACE = ["unshare", "--map-root-user", "--mount"];

/** Why there can be none here; undefined where there can. */
export const noSmallDisk =
  spawnSync("unshare", [...NAMESPACE.slice(1), "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0
    ? undefined
    : "this system lets no process mount a disk of its own";

export class SmallDisk {
  readonly #at: string;
  readonly #pid: number;
  readonly server: Serving;

  private constructor(at: string, server: Serving) {
    this.#at = at;
    this.#pid = server.child.pid as number;
    this.server = server;
  }

  /** Starts a server whose state is on a new disk of so many mebibytes. */
  static async serving(size: number, args: string[], env: Record<string, string> = {}): Promise<SmallDisk> {
    const at = folder();
    const mounted = `mount -t tmpfs -o size=${size}m tmpfs "$0" && exec "$@"`;
    const by = [...NAMESPACE, "sh", "-c", mounted, at];
    return new SmallDisk(at, await serving(["--data", join(at, "data"), ...args], env, { by }));
  }

  /** Where a file of the disk is, seen from here. */
  path(name: string): string {
    return join(`/proc/${this.#pid}/root`, this.#at, name);
  }

  /** Takes all that is left. */
  fill(): void {
    const { bavail, bsize } = statfsSync(this.path(""));
    try {
      // More than is left: what fits is written.
      writeFileSync(this.path("filler"), new Uint8Array(bavail * bsize + bsize));
    } catch {}
  }

  free(): void {
    rmSync(this.path("filler"));
  }
}
