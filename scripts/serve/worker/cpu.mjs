// Tells the shim around the Worker how much processor time workerd has had: from the inside nobody can see it.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

/** Linux counts in hundredths of a second. */
const TICK_MS = 10;

/** Milliseconds of a process, all of its threads together; NaN where there is no such file, as on macOS. */
function cpuMs(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return Number.NaN;
  }
}

/** Answers with the milliseconds of the process that `pid` gives by then, and that to nobody who has not the address. */
export async function startCpuClock(pid) {
  const path = `/${randomUUID()}`;
  const server = createServer(({ url }, response) => {
    if (url === path) response.end(String(cpuMs(pid())));
    else response.writeHead(403).end("Forbidden");
  });
  server.listen(0, "127.0.0.1");
  server.unref();
  await once(server, "listening");
  return { url: `http://127.0.0.1:${server.address().port}${path}`, close: () => server.close() };
}
