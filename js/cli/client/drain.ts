/** `edgebatch drain` and `undrain`: whether a server starts anything of its batches. */

import { setTimeout as sleep } from "node:timers/promises";
import { CannotRun, exit, plural, print, say } from "../terminal.ts";
import { Api } from "./api.ts";
import { connectionOf, type ServerOptions } from "./connection.ts";
import { ApiError } from "./faults.ts";

export interface DrainOptions extends ServerOptions {
  wait?: boolean;
  json?: boolean;
}

/** What a server says of its drain. */
interface Drain {
  draining: boolean;
  /** Batches with calls in flight, or about to store what came of them. */
  batches_in_flight: number;
}

const pollMs = 500;

/** Gives the exit status. Ctrl-C ends the waiting alone: the server goes on to drain. */
export async function drain(asked: "drain" | "undrain", options: DrainOptions): Promise<number> {
  const api = new Api(connectionOf(options), options.patience * 1_000, (text) => say(`edgebatch: ${text}`));
  let state = await stateFrom(api, "POST", asked);
  const inFlight = () => plural(state.batches_in_flight, "batch", "batches");
  if (asked === "drain" && options.wait) {
    if (!options.json && state.batches_in_flight > 0) say(`draining: ${inFlight()} with calls in flight`);
    while (state.draining && state.batches_in_flight > 0) {
      await sleep(pollMs);
      state = await stateFrom(api, "GET", "drain");
    }
    if (!state.draining) throw new CannotRun("another has ended the drain");
  }
  if (options.json) await print(`${JSON.stringify(state)}\n`);
  else if (asked === "undrain") say("batches go on");
  else {
    const what =
      state.batches_in_flight === 0 ? "nothing is in flight" : `${inFlight()} with calls in flight`;
    say(`drained: ${what}, and nothing new starts`);
    say(`to go on: edgebatch undrain${api.connection.again}`);
  }
  return exit.good;
}

async function stateFrom(api: Api, method: "GET" | "POST", path: string): Promise<Drain> {
  try {
    return (await api.call({ method, path: `/edgebatch/${path}` })) as Drain;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 405))
      throw new CannotRun(`${api.connection.shown} cannot be drained: edgebatch serve and its Worker can`);
    throw error;
  }
}
