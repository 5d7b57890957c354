// Ends with what started us: whoever kills npm, or the shell between, means the server.
import { readFileSync } from "node:fs";

const shells = new Set(["sh", "dash", "bash", "ash", "busybox", "zsh", "ksh"]);

/** A process by Linux's /proc: its name, its parent, and since when it runs, as ids are used again. Null when it is gone. */
function look(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (["Z", "X"].includes(fields[0])) return null;
    return { pid, name, parent: Number(fields[1]), since: fields[19] };
  } catch {
    return null;
  }
}

/**
 * Those that have to live: our parent; and where that is a shell of npm's, or the older Node that started us, its parent
 * as well. Without /proc it is the parent alone.
 */
function ancestors() {
  const found = [];
  for (let pid = process.ppid; pid > 1; ) {
    const process_ = look(pid);
    if (process_ === null) break;
    found.push(process_);
    const between = process.env.npm_lifecycle_event !== undefined && shells.has(process_.name);
    if (!between && process.env.EDGEBATCH_STARTER !== String(pid)) break;
    pid = process_.parent;
  }
  return found;
}

/** Calls back once when one of those is gone, with its name. */
export function watchParents(gone) {
  const parent = process.ppid;
  // Started by the system itself: there is nothing to look at.
  if (parent <= 1) return () => {};
  const watched = ancestors();
  const timer = setInterval(() => {
    const lost = watched.find(({ pid, since }) => look(pid)?.since !== since);
    if (!lost && process.ppid === parent) return;
    clearInterval(timer);
    gone(lost?.name ?? "the process that started this one");
  }, 500);
  timer.unref();
  return () => clearInterval(timer);
}
