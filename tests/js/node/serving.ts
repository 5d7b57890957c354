/** Starts `edgebatch serve` from its sources, as a user would, on a free port. */

import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { after } from "node:test";
import OpenAI from "openai";
import { type Ended, folder, start } from "../cli/command.ts";

export interface Serving {
  url: string;
  child: ChildProcess;
  /** What it printed for people. */
  printed: string;
  ended: Promise<Ended>;
  /** Ends it by a signal; resolves with how it ended. */
  end(signal: NodeJS.Signals): Promise<Ended>;
  client(apiKey?: string): OpenAI;
}

/** A folder for state, which is made by the server. */
export const stateFolder = () => join(folder(), "made", "when needed");

export async function serving(
  args: string[],
  env: Record<string, string> = {},
  how: { cwd?: string; by?: string[] } = {},
): Promise<Serving> {
  const { child, ended } = start(["serve", "--port", "0", ...args], { env, ...how });
  after(() => child.kill("SIGKILL"));
  let printed = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", (text: string) => {
      printed += text;
      if (printed.includes("client.batches.list()")) resolve(/http:\S+(?=\/v1)/.exec(printed)?.[0] as string);
    });
    void ended.then(({ stderr }) => reject(new Error(`it did not start:\n${stderr}`)));
  });
  return {
    ...{ url, child, printed, ended },
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
    client: (apiKey = "any") => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 }),
  };
}
