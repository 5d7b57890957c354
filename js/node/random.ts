import { webRandom } from "../core/random.ts";
import { fs } from "../hosts/shared/node-modules.ts";

/**
 * 64 random bits of the kernel, read from it directly: Node loads all of its cryptography before it gives the first
 * random number, which takes as long as everything else between import and the first validated line.
 */
export function kernelRandom(): bigint {
  const bits = new BigUint64Array(1);
  try {
    const device = fs().openSync("/dev/urandom", "r");
    try {
      if (fs().readSync(device, new Uint8Array(bits.buffer)) === 8) return bits[0] as bigint;
    } finally {
      fs().closeSync(device);
    }
  } catch {
    // Windows has no such file, and Node's permission model may forbid it.
  }
  return webRandom();
}
