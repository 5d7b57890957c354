/** Asks again and again while a view is shown and the page can be seen. */
import { useEffect } from "preact/hooks";

/** Runs `ask` now, and again some milliseconds after it ends; `ask` gives how many, null for no more. */
export function usePolling(ask: (signal: AbortSignal) => Promise<number | null>, restart: unknown[]): void {
  useEffect(() => {
    const end = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let busy = false;
    const run = async () => {
      if (busy || end.signal.aborted || document.visibilityState === "hidden") return;
      busy = true;
      const next = await ask(end.signal);
      busy = false;
      clearTimeout(timer);
      if (next !== null && !end.signal.aborted) timer = setTimeout(run, next);
    };
    document.addEventListener("visibilitychange", run);
    void run();
    return () => {
      end.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", run);
    };
  }, restart);
}
