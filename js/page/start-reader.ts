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

export function startReader(): Worker {
  const url = policy ? policy.createScriptURL(__READER__) : __READER__;
  return new Worker(url as string, { name: "edgebatch-reader" });
}
