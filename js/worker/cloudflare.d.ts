/** What the Worker uses of the platform. Hand-kept: the full types would clash with those of pages and of Node. */
declare module "cloudflare:workers" {
  /** Base of a Durable Object: its public methods are what others may call. */
  export abstract class DurableObject<Env> {
    protected readonly ctx: import("./env.ts").DurableObjectState;
    protected readonly env: Env;
    constructor(ctx: import("./env.ts").DurableObjectState, env: Env);
  }
}

/** A stream that tells its length beforehand: an answer made of it carries Content-Length. */
declare class FixedLengthStream {
  constructor(length: number);
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

interface Crypto {
  readonly DigestStream: new (
    algorithm: "MD5",
  ) => WritableStream<Uint8Array> & { readonly digest: Promise<ArrayBuffer> };
}
