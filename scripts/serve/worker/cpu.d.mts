export declare function workerdOf(parent: number): string[];
export declare function startCpuClock(
  pids: () => (string | number)[],
): Promise<{ url: string; close(): void }>;
