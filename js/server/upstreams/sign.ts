/** Signs of life of a model server. */

import type { Clock, ModelServer } from "./types.ts";

/** How long it may take. */
const SIGN_MS = 5_000;

/** Whether a server answers at all, and by itself: whatever it says, unless that is of a gateway that does not reach it. */
export async function givesSign(server: ModelServer, clock: Clock): Promise<boolean> {
  const control = new AbortController();
  const stop = clock.after(Math.min(SIGN_MS, server.timeoutMs), () => control.abort());
  const headers = new Headers({ accept: "application/json" });
  try {
    const answer = await server.call("/v1/models", {
      ...{ method: "GET", headers, body: null, signal: control.signal },
    });
    answer.body?.cancel().catch(() => {});
    return ![502, 503, 504].includes(answer.status);
  } catch {
    return false;
  } finally {
    stop();
  }
}
