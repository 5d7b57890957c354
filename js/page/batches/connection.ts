/** Which server, and with which key. In the tab's session storage: it outlives a reload, and is gone with the tab. */
import { signal } from "@preact/signals";

export interface Connection {
  /** Ends in `/v1`. */
  base: string;
  key: string;
}

const KEY = "edgebatch-connection";

export const connection = signal<Connection | null>(stored());

function stored(): Connection | null {
  try {
    const { base, key } = JSON.parse(sessionStorage.getItem(KEY) ?? "{}") as Partial<Connection>;
    return typeof base === "string" && typeof key === "string" ? { base, key } : null;
  } catch {
    return null;
  }
}

export function connect(to: Connection | null): void {
  connection.value = to;
  try {
    if (to) sessionStorage.setItem(KEY, JSON.stringify(to));
    else sessionStorage.setItem(KEY, "");
  } catch {
    // Without storage it is kept until the page is loaded again.
  }
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
  const scheme = /^(localhost|127\.|\[::1\])/i.test(text) ? "http" : "https";
  const url = new URL(/^https?:\/\//i.test(text) ? text : `${scheme}://${text}`);
  const path = url.pathname.replace(/\/+$/, "");
  return `${url.origin}${path.endsWith("/v1") ? path : `${path}/v1`}`;
}
