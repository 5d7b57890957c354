/** Which server a command speaks to, and with what key: options before the environment. */

import { parseBaseUrl } from "../hosts/inference/base-url.ts";
import { CannotRun } from "./terminal.ts";

/** The name by which the embedded model is asked for where the environment names a server. */
const embedded = "echo-1";

/** The base URL as it was named; null for the embedded model. An empty variable is one that is not set. */
export function namedUrl(url: string | undefined): string | null {
  const found = [url, process.env.EDGEBATCH_URL, process.env.OPENAI_BASE_URL].find((text) => text?.trim());
  return found === undefined || found === embedded ? null : found.trim();
}

/** The key, if there is one. A key of spaces is none. */
export function namedKey(key: string | undefined): string | undefined {
  return [key, process.env.EDGEBATCH_KEY, process.env.OPENAI_API_KEY]
    .map((text) => text?.trim())
    .find(Boolean);
}

/** The base URL, parsed; a bare host gets `/v1`. @throws CannotRun */
export function parsedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null)
    throw new CannotRun(`--url ${text} is not an address; it should look like http://localhost:8000/v1`);
  if (!["http:", "https:"].includes(url.protocol)) throw new CannotRun(`--url ${text} must be http or https`);
  if (url.username !== "" || url.password !== "") {
    throw new CannotRun("--url must carry no user name or password; use --key or --header");
  }
  const base = parseBaseUrl(text);
  if (base.pathname === "/") base.pathname = "/v1";
  return base;
}
