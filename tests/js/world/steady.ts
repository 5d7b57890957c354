/** What of a process is to be the world's, or nobody's. */

import { createHash, createHmac } from "node:crypto";
import type { Clock } from "../../../benches/worker/simulation/clock.ts";
import { setRandom, webRandom } from "../../../js/core/random.ts";
import { kernelRandom } from "../../../js/node/random.ts";

/** The platform's, but that nobody looks at the length. */
export class FixedLengthStream extends TransformStream {
  constructor(_: number) {
    super();
  }
}

/** Nothing is printed of what is logged. */
export function quiet(): () => void {
  const { log, warn, error } = console;
  const nothing = () => {};
  Object.assign(console, { log: nothing, warn: nothing, error: nothing });
  return () => void Object.assign(console, { log, warn, error });
}

/** Sums are made at once, and the other clock is the world's too: threads and real time would make no two worlds alike. */
export function steady(clock: Clock): () => void {
  const { now } = performance;
  // It goes to the seed's chance, as the rest of `crypto` does here.
  setRandom(webRandom);
  performance.now = () => clock.now;
  const bytes = (data: BufferSource) =>
    data instanceof ArrayBuffer
      ? new Uint8Array(data)
      : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const copy = (buffer: Buffer) => new Uint8Array(buffer).buffer;
  const subtle = {
    digest: async (name: string, data: BufferSource) =>
      copy(createHash(name.replace("-", "").toLowerCase()).update(bytes(data)).digest()),
    importKey: async (_: string, key: BufferSource) => bytes(key),
    sign: async (_: string, key: Uint8Array, data: BufferSource) =>
      copy(createHmac("sha256", key).update(bytes(data)).digest()),
  };
  Object.defineProperty(globalThis.crypto, "subtle", { configurable: true, value: subtle });
  return () => {
    performance.now = now;
    setRandom(kernelRandom);
  };
}
