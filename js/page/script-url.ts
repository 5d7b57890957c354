/** The page's policy lets only its own two workers become the address of a script, and no text at all become HTML. */

interface ScriptPolicy {
  createScriptURL(url: string): unknown;
}
interface PolicyFactory {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): ScriptPolicy;
}

const OFFLINE = "offline.js";

const policy = (globalThis as { trustedTypes?: PolicyFactory }).trustedTypes?.createPolicy("edgebatch", {
  createScriptURL(url) {
    if (url !== __READER__ && url !== OFFLINE) throw new TypeError(`not a script of this page: ${url}`);
    return url;
  },
});

const trusted = (url: string) => (policy ? policy.createScriptURL(url) : url) as string;

/** The thread that reads files. */
export const readerUrl = () => trusted(__READER__);

/** The service worker. */
export const offlineUrl = () => trusted(OFFLINE);
