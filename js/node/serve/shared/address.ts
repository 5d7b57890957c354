/** `s3://bucket/prefix` and the variables that all tools for S3 read, as a bucket's own address and who calls it. */

export interface S3Address {
  /** The bucket's address. */
  url: string;
  /** Starts every key: empty, or ends with a slash. */
  prefix: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string | undefined;
}

type Env = { readonly [name: string]: string | undefined };

/** What an address may say besides; anything else in its query is a mistake. */
const PARAMETERS = ["endpoint", "region", "style"];

/** Why an address cannot be right; null where it can be. It shows no secret, as it holds none. */
export function wrongFiles(files: string): string | null {
  if (!URL.canParse(files)) return "is no address";
  const { protocol, hostname, port, username, password, hash, searchParams } = new URL(files);
  if (protocol !== "s3:" || hostname === "" || port !== "") return "is not of the form s3://bucket/prefix";
  if (username !== "" || password !== "") {
    return "holds a key, which is for AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to say";
  }
  if (hash !== "") return "holds a '#'";
  const unknown = [...searchParams.keys()].find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined) return `says '${unknown}', which is none of ${PARAMETERS.join(", ")}`;
  const style = searchParams.get("style");
  if (style !== null && style !== "path" && style !== "host")
    return "says a style that is neither path nor host";
  const endpoint = searchParams.get("endpoint");
  if (endpoint !== null && !isEndpoint(endpoint))
    return "says an endpoint that is no http:// or https:// address";
  return null;
}

/** @throws Error that names the variable that is missing, or wrong */
export function s3Address(files: string, env: Env): S3Address {
  const wrong = wrongFiles(files);
  if (wrong !== null) throw new Error(`--files ${wrong}`);
  const address = new URL(files);
  const said = (name: string) => address.searchParams.get(name) || undefined;
  const region = said("region") ?? (env.AWS_REGION || env.AWS_DEFAULT_REGION || "us-east-1");
  const given = said("endpoint") ?? (env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL || undefined);
  if (given !== undefined && !isEndpoint(given)) {
    throw new Error("AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL must be an http:// or https:// address");
  }
  const endpoint = new URL(given ?? `https://s3.${region}.amazonaws.com`);
  // AWS asks for names of hosts; servers of one's own seldom have one for each bucket. A dot fits no certificate.
  const bucket = address.hostname;
  const style = said("style") ?? (given === undefined && !bucket.includes(".") ? "host" : "path");
  const base = endpoint.pathname.replace(/\/+$/, "");
  const prefix = decodeURIComponent(address.pathname).replace(/^\/+|\/+$/g, "");
  return {
    url:
      style === "host"
        ? `${endpoint.protocol}//${bucket}.${endpoint.host}${base}`
        : `${endpoint.origin}${base}/${bucket}`,
    prefix: prefix === "" ? "" : `${prefix}/`,
    region,
    accessKeyId: needed(env, "AWS_ACCESS_KEY_ID"),
    secretAccessKey: needed(env, "AWS_SECRET_ACCESS_KEY"),
    sessionToken: env.AWS_SESSION_TOKEN || undefined,
  };
}

function needed(env: Env, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`--files needs the variable ${name}`);
  return value;
}

function isEndpoint(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).username === "";
}
