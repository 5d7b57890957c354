/** Starts the thread that reads files. */

interface ScriptPolicy {
  createScriptURL(url: string): unknown;
}
interface PolicyFactory {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): ScriptPolicy;
}

/** The page's policy lets only this become the address of a script, and no text at all become HTML. */
const policy = (globalThis as { trustedTypes?: PolicyFactory }).trustedTypes?.createPolicy("edgebatch", {
  createScriptURL(url) {
    if (url !== __READER__) throw new TypeError(`not a script of this page: ${url}`);
    return url;
  },
});

let spare: Worker | null = null;

/** Keeps one ready, so that a check need not ask the network for anything. */
export function prepareReader(): void {
  const url = policy ? policy.createScriptURL(__READER__) : __READER__;
  if (spare) return;
  const started = new Worker(url as string, { name: "edgebatch-reader" });
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
