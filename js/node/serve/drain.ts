/** The drain of `edgebatch serve`: a file of its state folder, so that a restart does not end it. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { discard, flushDirectory, isMissing } from "../../hosts/shared/disk.ts";
import type { Draining } from "../../server/drain.ts";
import { now } from "../../server/ids.ts";
import { replaceFile } from "./replace-file.ts";

const FILE = "draining";

/** What the drain is of. */
interface Drained {
  /** How many batches have something in flight. */
  inFlight(): Promise<number>;
  changed(): void;
}

export class ServeDraining implements Draining {
  readonly #folder: string;
  #since: number | null;
  #drained: Drained | undefined;

  /** @throws when it cannot be read */
  constructor(folder: string) {
    this.#folder = folder;
    this.#since = sinceOf(join(folder, FILE));
  }

  /** From now on. */
  of(drained: Drained): void {
    this.#drained = drained;
  }

  current(): number | null {
    return this.#since;
  }

  async since(): Promise<number | null> {
    return this.#since;
  }

  async inFlight(): Promise<number> {
    return (await this.#drained?.inFlight()) ?? 0;
  }

  async set(drains: boolean): Promise<void> {
    if (drains === (this.#since !== null)) return;
    const since = drains ? now() : null;
    if (since !== null) await replaceFile(this.#folder, FILE, `${since}\n`);
    else {
      await discard(join(this.#folder, FILE));
      await flushDirectory(this.#folder);
    }
    this.#since = since;
    this.#drained?.changed();
  }
}

/** That it is there is the drain: what cannot be understood stands since now. */
function sinceOf(path: string): number | null {
  try {
    return Number.parseInt(readFileSync(path, "utf8"), 10) || now();
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
