/** Node's `fetch`, without the time limits that Node sets by itself. */

const DISPATCHER = Symbol.for("undici.globalDispatcher.1");

/**
 * Node's `fetch` gives up when headers, or the next part of a body, take 300 seconds, however long the caller is
 * willing to wait. A model can take longer than that to answer. This is the same `fetch` without those two limits
 * (and so only for callers with a time limit of their own); on a runtime that has no such limits it is `fetch` itself.
 */
export function patientFetch(): typeof globalThis.fetch {
  // Node loads its implementation, and with it the dispatcher, when one of its classes is first used.
  new Headers();
  const dispatcher: unknown = (globalThis as Record<symbol, unknown>)[DISPATCHER];
  if (typeof dispatcher !== "object" || dispatcher?.constructor.name !== "Agent") return globalThis.fetch;
  const Agent = dispatcher.constructor as new (options: {
    headersTimeout: number;
    bodyTimeout: number;
  }) => object;
  const patient = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  return (input, init) => globalThis.fetch(input, { ...init, dispatcher: patient } as RequestInit);
}
