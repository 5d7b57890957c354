/** Secret randomness: for ids, jitter, and the keys of hashes that no file may know. */

type Source = () => bigint;

/** The platform's own. */
export const webRandom: Source = () => crypto.getRandomValues(new BigUint64Array(1))[0] as bigint;

let source = webRandom;

/** 64 random bits. */
export function random64(): bigint {
  return source();
}

/** Called by the entry of a platform that has a quicker source. */
export function setRandom(quicker: Source): void {
  source = quicker;
}
