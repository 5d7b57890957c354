/** Where a model server's calls go: the base URL and the path of the endpoint, joined as OpenAI's SDKs join them. */

/** Paths that people paste along with their base. */
const pasted =
  /\/(?:chat\/completions|completions|embeddings|responses|moderations|messages|rerank|score|images\/\w+|audio\/\w+)$/;

/**
 * Reads a base URL such as `https://host/v1`, `https://host/v1beta/openai/` or
 * `https://host/openai/deployments/name?api-version=…`. A whole endpoint URL stands for its base; a bare host has its
 * API under `/v1`. @throws TypeError
 */
export function parseBaseUrl(text: string): URL {
  const base = new URL(text);
  if (base.protocol !== "http:" && base.protocol !== "https:") {
    throw new TypeError(`baseUrl must start with http:// or https://, but is '${text}'.`);
  }
  if (base.username !== "" || base.password !== "") {
    throw new TypeError("baseUrl must carry no user name or password; use apiKey or headers.");
  }
  base.hash = "";
  base.pathname = base.pathname.replace(/\/+$/, "").replace(pasted, "");
  return base;
}

/** The URL to call for an endpoint's path. The path is set, never parsed: none can lead to another server. */
export function joinUrl(base: URL, path: string): URL {
  const url = new URL(base);
  const prefix = base.pathname.replace(/\/+$/, "");
  const rest = path.startsWith("/") ? path : `/${path}`;
  // A base says itself which version it is of; a bare host says nothing, and the path does.
  url.pathname = prefix === "" ? rest : prefix + rest.replace(/^\/v1(?=\/)/, "");
  return url;
}
