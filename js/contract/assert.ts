/** The few assertions of the contract suites: no test framework, no platform. */

/** Fails with the message unless the condition holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ContractError(message);
}

/** Fails unless both are the same value, or have the same JSON. */
export function assertEqual(actual: unknown, expected: unknown, what: string): void {
  if (Object.is(actual, expected)) return;
  const [a, e] = [JSON.stringify(actual) ?? "undefined", JSON.stringify(expected) ?? "undefined"];
  assert(a === e, `${what}: expected ${shorten(e)}, but got ${shorten(a)}`);
}

/** Fails unless both hold the same bytes. */
export function assertBytes(actual: Uint8Array | null, expected: Uint8Array, what: string): void {
  assert(actual !== null, `${what}: expected ${expected.length} bytes, but got null`);
  assert(actual instanceof Uint8Array, `${what}: expected a Uint8Array`);
  const at = expected.findIndex((byte, i) => byte !== actual[i]);
  const where = at < 0 ? "" : `, first differing at ${at}`;
  const same = at < 0 && actual.length === expected.length;
  assert(same, `${what}: expected ${expected.length} bytes, but got ${actual.length}${where}`);
}

/** Fails unless the promise rejects; gives what it rejects with. */
export async function assertRejects(promise: Promise<unknown>, what: string): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new ContractError(`${what}: expected a rejection`);
}

/** An adapter that does not keep the contract. */
export class ContractError extends Error {
  override name = "ContractError";
}

/** A small repeatable random generator (mulberry32): whole numbers below a bound. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

/** Bytes that reveal their offset: no two ranges of some length are alike. */
export function patternBytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed | 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

function shorten(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 300)}… (${text.length} characters)`;
}
