/** What goes wrong between here and a server, in words. */

import { CannotRun, messageOf, oneLine } from "../terminal.ts";
import { errorOf } from "../trouble.ts";

/** A call that got no answer. */
export class Unreachable extends CannotRun {
  /** Whether waiting may help. */
  readonly passing: boolean;

  constructor(message: string, passing: boolean) {
    super(message);
    this.passing = passing;
  }
}

/** An answer that is a refusal or a fault. */
export class ApiError extends CannotRun {
  readonly status: number;
  /** Whether the answer is one of OpenAI's form, and so from an API and not from something before it. */
  readonly isApi: boolean;
  /** Whether the same call may go well later. */
  readonly passing: boolean;
  readonly retryAfterMs: number;
  readonly codes: readonly unknown[];

  constructor(status: number, body: Uint8Array, asked: string, retryAfterMs = 0) {
    const { message, codes } = errorOf(body);
    const said = message === "" ? "" : ` (${message})`;
    super(`the server answers ${status}${said} to ${asked}${hint(status)}`);
    this.status = status;
    this.isApi = codes.length > 0;
    this.codes = codes;
    this.retryAfterMs = retryAfterMs;
    this.passing =
      [408, 425, 429].includes(status) && !codes.includes("insufficient_quota")
        ? true
        : status >= 500 && status !== 501 && status !== 505;
  }
}

function hint(status: number): string {
  if (status === 401 || status === 403) return ": check the key (--key, EDGEBATCH_KEY or OPENAI_API_KEY)";
  if (status === 402) return ": payment is required";
  return "";
}

/** Whether a call is worth making again. */
export function isPassing(error: unknown): error is Unreachable | ApiError {
  return (error instanceof Unreachable || error instanceof ApiError) && error.passing;
}

/** Of TLS, by the codes of OpenSSL as Node gives them: none of them passes by itself. */
const tls: Record<string, string> = {
  CERT_HAS_EXPIRED: "its certificate has expired (or this machine's clock is wrong)",
  CERT_NOT_YET_VALID: "its certificate is not valid yet (or this machine's clock is wrong)",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "it has signed its certificate itself: NODE_EXTRA_CA_CERTS=FILE names a certificate to trust",
  SELF_SIGNED_CERT_IN_CHAIN:
    "its certificate is signed by an authority of its own (or of a proxy between): NODE_EXTRA_CA_CERTS=FILE names one to trust",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its certificate comes without those that lead to a known authority: NODE_EXTRA_CA_CERTS=FILE names one to trust",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "its certificate is signed by an authority that is not known here: NODE_EXTRA_CA_CERTS=FILE names one to trust",
  UNABLE_TO_GET_ISSUER_CERT:
    "its certificate is signed by an authority that is not known here: NODE_EXTRA_CA_CERTS=FILE names one to trust",
};

/** Why `fetch` failed. Waiting helps against a server or a network that is down, and not against a wrong address. */
export function unreachable(error: unknown, base: URL): Unreachable {
  const { host, hostname, origin } = base;
  const code = codeOf(error);
  const certificate = tls[code];
  if (certificate !== undefined) return new Unreachable(`${origin} cannot be trusted: ${certificate}`, false);
  if (/^(ERR_SSL_|EPROTO)/.test(code)) {
    return new Unreachable(`${host} does not speak TLS: is it http:// and not https://?`, false);
  }
  if (/^HPE_/.test(code) || /HTTP\/1\.1 protocol|Parse Error/.test(messageOf(error)))
    return new Unreachable(`what answers at ${host} is not HTTP`, false);
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return new Unreachable(`there is no host ${hostname}, or no network to look it up`, true);
  }
  if (code === "ECONNREFUSED") return new Unreachable(`nothing listens at ${host}`, true);
  if (/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/.test(code)) {
    return new Unreachable(`there is no way to ${host} from here`, true);
  }
  if (/TIMEOUT|ETIMEDOUT/.test(code) || (error as Error).name === "TimeoutError") {
    return new Unreachable(`${host} does not answer in time`, true);
  }
  if (/^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_ABORTED)$/.test(code)) {
    return new Unreachable(`the connection to ${host} broke`, true);
  }
  const text = oneLine(messageOf(error)).replace(/^fetch failed: /, "");
  return new Unreachable(`no answer from ${host}: ${text}`, !/bad port|invalid/i.test(text));
}

/** The code of the innermost cause that has one. */
function codeOf(error: unknown): string {
  let found = "";
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as NodeJS.ErrnoException;
    if (typeof code === "string") found = code;
    // Of a name with several addresses.
    const first: unknown = at instanceof AggregateError ? at.errors[0] : undefined;
    if (first instanceof Error && typeof (first as NodeJS.ErrnoException).code === "string") {
      found = (first as NodeJS.ErrnoException).code as string;
    }
  }
  return found;
}
