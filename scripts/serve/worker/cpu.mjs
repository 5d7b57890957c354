// Tells the shim around the Worker how much processor time workerd has had: from the inside nobody can see it.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";

/** Linux counts in hundredths of a second. */
const TICK_MS = 10;

const stat = (pid) => {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return { name: /\((.*)\)/s.exec(text)[1], fields: text.slice(text.lastIndexOf(")") + 2).split(" ") };
};

/** Milliseconds of a process, all of its threads together; NaN where there is no such file, as on macOS. */
function cpuMs(pid) {
  try {
    const { fields } = stat(pid);
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return Number.NaN;
  }
}

/** All processes of workerd that a process has started; there is one where Miniflare is asked by itself, and two by wrangler. */
export function workerdOf(parent) {
  try {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return pids.filter((pid) => {
      // It may have ended meanwhile.
      const { name, fields } = existsSync(`/proc/${pid}`) ? stat(pid) : {};
      return name === "workerd" && Number(fields[1]) === parent;
    });
  } catch {
    return [];
  }
}

/** Answers with the milliseconds of the processes that `pids` gives by then, and that to nobody who has not the address. */
export async function startCpuClock(pids) {
  const path = `/${randomUUID()}`;
  const server = createServer(({ url }, response) => {
    if (url === path) response.end(String(pids().reduce((sum, pid) => sum + cpuMs(pid), 0)));
    else response.writeHead(403).end("Forbidden");
  });
  server.listen(0, "127.0.0.1");
  server.unref();
  await once(server, "listening");
  return { url: `http://127.0.0.1:${server.address().port}${path}`, close: () => server.close() };
}
