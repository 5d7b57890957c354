/** Starts the thread that reads files. */
import { readerUrl } from "./script-url.ts";

let spare: Worker | null = null;

/** Keeps one ready, so that a check need not ask the network for anything. */
export function prepareReader(): void {
  if (spare) return;
  const started = new Worker(readerUrl(), { name: "edgebatch-reader" });
  // Whoever takes it hears of its failure; until then it is simply not there.
  started.onerror = (event) => {
    event.preventDefault();
    if (spare === started) spare = null;
  };
  spare = started;
}

/** The one kept ready. It serves one file, and is ended with it. */
export function takeReader(): Worker {
  prepareReader();
  const reader = spare as Worker;
  spare = null;
  return reader;
}
