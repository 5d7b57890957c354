/** The calls of one turn: by the Runner itself or by lanes, and no more than an invocation may make. */

import type { Inference } from "../core/types.ts";
import type { DurableObjectStorage, Env } from "./env.ts";
import { Lanes } from "./lanes.ts";
import { serviceSettings, turnSettings } from "./settings.ts";

/** How much of its subrequests a turn spends: the rest is for what ends it, and never fewer than these. */
const SPENT_SHARE = 0.9;
const LEAST_LEFT = 10;

export interface TurnInference {
  inference: Inference;
  /** Counts a subrequest that is no call to the model server. */
  count(): void;
  /** The turn has ended by itself. */
  end(): void;
}

export function turnInference(options: {
  env: Env;
  storage: DurableObjectStorage;
  tenant: string;
  batchId: string;
  turn: number;
  /** Called when the turn is to start nothing more. */
  spent: () => void;
}): TurnInference {
  const { env, storage, tenant, batchId, turn } = options;
  const settings = turnSettings(env);
  const { subrequests } = settings;
  let left = Math.floor(Math.min(subrequests * SPENT_SHARE, subrequests - LEAST_LEFT));
  const count = () => {
    left--;
  };
  const spend = () => {
    count();
    if (left <= 0) options.spent();
  };
  if (settings.lanes === 1 || !env.LANES) {
    const { inference } = serviceSettings(env);
    const infer: Inference["infer"] = (request, signal) => {
      spend();
      return inference.infer(request, signal);
    };
    return { inference: { infer }, count, end() {} };
  }
  const used = new UsedLanes(storage);
  const lanes = new Lanes({
    ...{ ...settings, namespace: env.LANES, tenant, batchId, turn, spend },
    ...{ left: used.left(), uses: (lane) => used.add(lane) },
  });
  return {
    inference: lanes,
    count,
    end() {
      lanes.end();
      used.clear();
    },
  };
}

/** Lanes that a turn uses, until it ends by itself: what it leaves behind in them when it dies, the next one finds. */
class UsedLanes {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    storage.sql.exec("CREATE TABLE IF NOT EXISTS used_lanes (lane INTEGER PRIMARY KEY)");
  }

  left(): number[] {
    return [...this.#storage.sql.exec("SELECT lane FROM used_lanes")].map(({ lane }) => Number(lane));
  }

  add(lane: number): void {
    this.#storage.sql.exec("INSERT OR IGNORE INTO used_lanes (lane) VALUES (?)", lane);
  }

  clear(): void {
    this.#storage.sql.exec("DELETE FROM used_lanes");
  }
}
