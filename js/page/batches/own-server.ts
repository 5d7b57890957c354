/** The server that the page came from: where it asks for no key, nobody needs to be asked for its address. */
import { signal } from "@preact/signals";
import { listBatches } from "./api.ts";
import { baseOf, type Connection, connect, wasAsked } from "./connection.ts";

/** Until it is known whether that one serves batches. */
export const looking = signal(!wasAsked());

let found: Promise<Connection | null> | undefined;

/** Connects to it, if it answers; null if not. It is tried once, and not when someone has disconnected. */
export function ownServer(): Promise<Connection | null> {
  found ??= (async () => {
    const to = { base: baseOf(location.origin), key: "" };
    try {
      await listBatches(to, 1);
      connect(to);
      return to;
    } catch {
      return null;
    } finally {
      looking.value = false;
    }
  })();
  return found;
}
