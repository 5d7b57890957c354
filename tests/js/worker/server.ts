/** Starts the Worker as `npm start` does, in real workerd, for tests of what it alone promises. */

import { runtimes } from "../server/suite/runtimes.ts";
import { type Started, startServer } from "../server/suite/server.ts";

export * from "../server/suite/batches.ts";
export type { Started } from "../server/suite/server.ts";

export const startWorker = (env?: Record<string, string>, apiKey?: string): Promise<Started> =>
  startServer(env, apiKey, runtimes.worker);
