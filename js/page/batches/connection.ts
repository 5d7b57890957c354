/**
 * Which server, with which key, and others that were connected to. In the tab's session storage: they outlive a reload, and
 * are gone with the tab.
 */
import { signal } from "@preact/signals";

export interface Connection {
  /** Ends in `/v1`. */
  base: string;
  key: string;
}

const KEY = "edgebatch-connection";

/** Those of this tab, in the order in which they came. */
export const servers = signal<readonly Connection[]>([]);
export const connection = signal<Connection | null>(null);

read();

function read(): void {
  try {
    const { current, others } = JSON.parse(sessionStorage.getItem(KEY) || "{}") as Record<string, unknown>;
    const known = (Array.isArray(others) ? others : []).filter(isConnection);
    servers.value = known;
    connection.value = known.find(({ base }) => base === current) ?? null;
  } catch {
    // No storage, or what is in it is none of ours.
  }
}

function isConnection(value: Partial<Connection> | null): value is Connection {
  return typeof value?.base === "string" && typeof value.key === "string";
}

function keep(current: Connection | null, others: readonly Connection[]): void {
  servers.value = others;
  connection.value = current;
  try {
    const kept = JSON.stringify({ current: current?.base ?? null, others });
    sessionStorage.setItem(KEY, others.length > 0 ? kept : "");
  } catch {
    // Without storage they are kept until the page is loaded again.
  }
}

/** Calls this server from now on; null to choose another. */
export function connect(to: Connection | null): void {
  const isKnown = servers.value.some(({ base }) => base === to?.base);
  const others = servers.value.map((each) => (to && each.base === to.base ? to : each));
  keep(to, to && !isKnown ? [...others, to] : others);
}

/** Forgets the server and its key. */
export function disconnect(): void {
  const now = connection.value;
  keep(
    null,
    servers.value.filter(({ base }) => base !== now?.base),
  );
}

/** Whether this tab has, or had, a server already. */
export function wasAsked(): boolean {
  try {
    return sessionStorage.getItem(KEY) !== null;
  } catch {
    return false;
  }
}

/** What someone typed, as the address under which the routes are. @throws TypeError if it is none */
export function baseOf(typed: string): string {
  const text = typed.trim();
  const isLocal = /^(localhost|127\.|\[::1\])/i.test(text);
  const hasScheme = /^https?:\/\//i.test(text);
  // A word alone is hardly a server's whole name; one of this network is written with http:// or https:// before it.
  if (!hasScheme && !isLocal && !/[.:[]/.test(text.split("/")[0] ?? "")) throw new TypeError("no address");
  const url = new URL(hasScheme ? text : `${isLocal ? "http" : "https"}://${text}`);
  const path = url.pathname.replace(/\/+$/, "");
  return `${url.origin}${path.endsWith("/v1") ? path : `${path}/v1`}`;
}
