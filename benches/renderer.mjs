// What a piece of work takes of Chromium's renderer: seconds, and the most memory meanwhile (proportional set size; Linux
// only).
import { readdirSync, readFileSync } from "node:fs";

/** Megabytes of the processes of a kind below this one. */
function megabytes(kind) {
  const parents = new Map();
  const matches = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      parents.set(Number(pid), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
      if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(kind)) matches.push(Number(pid));
    } catch {
      // It ended meanwhile.
    }
  }
  const isBelow = (pid) => pid === process.pid || (pid > 1 && isBelow(parents.get(pid) ?? 0));
  let sum = 0;
  for (const pid of matches.filter(isBelow)) {
    try {
      sum += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch {
      // As above.
    }
  }
  return Math.round(sum / 1024);
}

export const renderer = () => megabytes("--type=renderer");

/** Does something, and gives what it took: seconds, and the most memory meanwhile. */
export async function watched(work) {
  let peak = renderer();
  const timer = setInterval(() => {
    peak = Math.max(peak, renderer());
  }, 250);
  try {
    const start = performance.now();
    await work();
    const seconds = (performance.now() - start) / 1000;
    return { seconds, peak: Math.max(peak, renderer()) };
  } finally {
    clearInterval(timer);
  }
}
