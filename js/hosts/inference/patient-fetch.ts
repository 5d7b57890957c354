/** `fetch` without the time limits that runtimes set by themselves. */

const DISPATCHER = Symbol.for("undici.globalDispatcher.1");

interface Dispatcher {
  dispatch(options: object, handler: object): boolean;
}

/**
 * Node's `fetch` gives up when headers, or the next part of a body, take 300 seconds, and Bun's after 300 seconds in
 * all, however long the caller is willing to wait. A model can take longer than that to answer. This is the same
 * `fetch` without those limits (and so only for callers with a time limit of their own): connections, proxies and
 * whatever else the process has set stay as they are. On other runtimes it is `fetch` itself.
 */
export function patientFetch(): typeof globalThis.fetch {
  if ("Bun" in globalThis) {
    return ((input, init) =>
      globalThis.fetch(input, { ...init, timeout: false } as RequestInit)) as typeof globalThis.fetch;
  }
  if (!hasDispatcher()) return globalThis.fetch;
  const patient: Dispatcher = {
    // The process may have changed its dispatcher in between.
    dispatch: (options, handler) =>
      dispatcherOfNode().dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler),
  };
  return (input, init) => globalThis.fetch(input, { ...init, dispatcher: patient } as RequestInit);
}

/** Whether there is what carries the requests of Node's `fetch`. */
export function hasDispatcher(): boolean {
  // Node loads its implementation, and with it the dispatcher, when one of its classes is first used.
  new Headers();
  return typeof dispatcherOfNode()?.dispatch === "function";
}

/** It, as it is now. */
export function dispatcherOfNode(): Dispatcher {
  return (globalThis as Record<symbol, unknown>)[DISPATCHER] as Dispatcher;
}
