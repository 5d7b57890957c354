// Ends with what started us: whoever kills npm, or the shell between, means the server.
import { readFileSync, realpathSync } from "node:fs";

/** How far up npm is looked for: there are one or two shells between. */
const DEEPEST = 6;

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
 * Those that have to live: our parent, and where npm runs us, all up to npm. The older Node that started us stands for
 * its own parent as well. Without /proc it is the parent alone.
 */
function ancestors() {
  const found = [];
  const npm = process.env.npm_lifecycle_event && program(process.env.npm_node_execpath);
  let needed = 0;
  for (let pid = process.ppid; pid > 1 && found.length < DEEPEST; ) {
    const each = look(pid);
    if (each === null) break;
    found.push(each);
    const starter = process.env.EDGEBATCH_STARTER === String(pid);
    if (starter) needed = found.length + 1;
    else if (npm && program(`/proc/${pid}/exe`) === npm) {
      needed = found.length;
      break;
    }
    pid = each.parent;
  }
  return found.slice(0, Math.max(needed, 1));
}

function program(path) {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Calls back once when one of those is gone, with its name in brackets where it is known. */
export function watchParents(gone) {
  const parent = process.ppid;
  // Started by the system itself: there is nothing to look at.
  if (parent <= 1) return () => {};
  const watched = ancestors();
  const timer = setInterval(() => {
    const lost = watched.find(({ pid, since }) => look(pid)?.since !== since);
    if (!lost && process.ppid === parent) return;
    clearInterval(timer);
    gone(lost ? ` (${lost.name.split(" ")[0]})` : "");
  }, 500);
  timer.unref();
  return () => clearInterval(timer);
}
