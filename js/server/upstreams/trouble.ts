/** Why there is no answer: in full for the log, and without addresses for callers, who have no business with them. */

import { withoutSecrets } from "../../core/secrets.ts";
import { logWarning } from "../log.ts";
import type { CallEnd, ModelServer } from "./types.ts";

/** The same is logged again after so long: a batch that waits for a server tries it over and over. */
const AGAIN_MS = 60_000;
/** Causes have causes. */
const MOST_CAUSES = 5;

/** What a rejection of a call says. */
export function endOf(error: unknown): CallEnd {
  switch ((error as Partial<Error> | null)?.name) {
    case "TimeoutError":
      return "timeout";
    case "ResponseTooLargeError":
      return "too_large";
    case "RedirectError":
      return "redirect";
    default:
      return "unreachable";
  }
}

/** The error as whoever waits for a batch may read it: of the same name, which says what it is. */
export function forCallers(error: unknown): Error {
  const end = endOf(error);
  if (end === "too_large") return error as Error;
  const code = codeOf(error);
  const messages: Partial<Record<CallEnd, string>> = {
    timeout: "The model server gave no whole answer in time.",
    redirect: "The model server answered with a redirect.",
  };
  const shown = new Error(messages[end] ?? `The connection failed${code ? ` (${code})` : ""}.`);
  if (messages[end]) shown.name = (error as Error).name;
  return shown;
}

/** Logs what became of calls to one server. */
export class TroubleLog {
  readonly #server: ModelServer;
  #last = { text: "", at: Number.NEGATIVE_INFINITY };

  constructor(server: ModelServer) {
    this.#server = server;
  }

  /** A call to it had no answer. `now` leaves out what was just logged. */
  failed(end: CallEnd, error: unknown, now?: number): void {
    const { name: server, secrets = [] } = this.#server;
    const message = withoutSecrets(inFull(error), secrets);
    if (now !== undefined && this.#isKnown(`${end} ${message}`, now)) return;
    const name = error instanceof Error ? error.name : typeof error;
    logWarning("upstream.failed", { server, reason: end, error: name, message });
  }

  /** It answered, and with a status that says that its operator has to do something. */
  refused(status: number, now?: number): void {
    if (now !== undefined && this.#isKnown(`${status}`, now)) return;
    logWarning("upstream.refused", { server: this.#server.name, status });
  }

  #isKnown(text: string, now: number): boolean {
    const isKnown = text === this.#last.text && now - this.#last.at < AGAIN_MS;
    if (!isKnown) this.#last = { text, at: now };
    return isKnown;
  }
}

/** Node says "fetch failed", and the rest in causes, of which some are several errors. */
function inFull(error: unknown): string {
  const said: string[] = [];
  for (const { message, code } of chain(error)) {
    const text = message || code;
    if (text && !said.some((before) => before.includes(text))) said.push(text);
  }
  return said.join(": ");
}

function codeOf(error: unknown): string | undefined {
  const codes = chain(error).map(({ code }) => code);
  return codes.find((code) => typeof code === "string" && /^\w{1,40}$/.test(code));
}

interface Cause {
  message?: string;
  code?: string;
  cause?: unknown;
  errors?: unknown;
}

function chain(error: unknown): Cause[] {
  const found: Cause[] = [];
  const look = (each: unknown): void => {
    if (typeof each !== "object" || each === null || found.length === MOST_CAUSES) return;
    const cause = each as Cause;
    found.push(cause);
    if (Array.isArray(cause.errors)) cause.errors.forEach(look);
    look(cause.cause);
  };
  look(error);
  return found;
}
