/** The server that the client commands speak to, as options and environment name it. */

import { checkKey } from "../../hosts/inference/fetch.ts";
import { namedKey, namedUrl, parsedUrl } from "../address.ts";
import { CannotRun } from "../terminal.ts";

/** Options that all client commands have. */
export interface ServerOptions {
  url?: string;
  key?: string;
  header?: Record<string, string>;
  /** Seconds. */
  patience: number;
}

/** A server, and what is sent to it with every call. */
export interface Connection {
  base: URL;
  /** The address for people: without its query, which may hold a key. */
  shown: string;
  key: string | undefined;
  headers: Headers;
  /** Whether no address was named, and it is the one where `edgebatch serve` listens. */
  isDefault: boolean;
  /** The options to name the same server in another command, with a space before; empty where none are needed. */
  again: string;
}

/** Where `edgebatch serve` listens unless told otherwise. */
export const usualUrl = "http://127.0.0.1:8080/v1";

/** @throws CannotRun for an address or a key that cannot be used */
export function connectionOf(options: ServerOptions): Connection {
  const named = namedUrl(options.url);
  if (options.url?.trim() === "echo-1") {
    throw new CannotRun("echo-1 is the model inside edgebatch run; --url takes the address of a server");
  }
  const base = parsedUrl(named ?? usualUrl);
  const headers = new Headers();
  // OpenAI's key goes to an address that somebody named, not to whatever happens to listen on a port of this machine.
  const key = named === null ? ownKey(options.key) : namedKey(options.key);
  try {
    if (key !== undefined) headers.set("authorization", `Bearer ${checkKey(key)}`);
  } catch (error) {
    throw new CannotRun((error as Error).message);
  }
  for (const [name, value] of Object.entries(options.header ?? {})) headers.set(name, value);
  return {
    ...{ base, key, headers, isDefault: named === null },
    shown: `${base.origin}${base.pathname}`,
    again: againOf(options),
  };
}

function ownKey(given: string | undefined): string | undefined {
  return [given, process.env.EDGEBATCH_KEY].map((text) => text?.trim()).find(Boolean);
}

/** What came by option has to come so again; a key is not written out. */
function againOf({ url, key, header }: ServerOptions): string {
  const words = [];
  if (url?.trim()) words.push(`--url ${/^[\w:/.[\]-]+$/.test(url) ? url : "…"}`);
  if (key?.trim()) words.push("--key …");
  for (const name of Object.keys(header ?? {})) words.push(`--header '${name}: …'`);
  return words.map((word) => ` ${word}`).join("");
}
