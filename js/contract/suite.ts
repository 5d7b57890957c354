/** How a suite is made of checks. */

/** One test: a sentence, and what to run. It passes when the promise resolves. */
export interface ContractTest {
  name: string;
  run(): Promise<void>;
}

/** The checks as tests, each with a subject of its own, which is closed after it. */
export function suite<S extends { close?(): Promise<void> }>(
  noun: string,
  checks: Record<string, (subject: S) => Promise<void>>,
  make: () => Promise<S>,
): ContractTest[] {
  return Object.entries(checks).map(([name, check]) => ({
    name: `${noun} ${name}`,
    run: async () => {
      const subject = await make();
      try {
        await check(subject);
      } finally {
        await subject.close?.();
      }
    },
  }));
}
