/** What Node knows of this process, and the answer to `GET /metrics`. */

import { statfs } from "node:fs/promises";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { CONTENT_TYPE, type Registry } from "../../server/observe/registry.ts";

/** How often the event loop is looked at, in milliseconds. */
const LAG_EVERY_MS = 10;

/** What the tenants keep, all together. */
export interface Storage {
  files: number;
  fileBytes: number;
  databaseBytes: number;
}

export interface MetricsOptions {
  registry: Registry;
  /** On whose disk state is, if it is on one of this machine. */
  folder: string | undefined;
  storage: () => Promise<Storage>;
  /** Why state cannot be written; null when it can. */
  fault: () => Promise<string | null>;
}

/** Adds what is read when somebody asks. Gives what ends the watch over the event loop. */
export function processMetrics({ registry, folder, storage, fault }: MetricsOptions): () => void {
  const files = registry.gauge("edgebatch_files", "Files that are stored.");
  const fileBytes = registry.gauge("edgebatch_file_bytes", "Bytes of the files that are stored.");
  const databaseBytes = registry.gauge("edgebatch_database_bytes", "Bytes of the databases.");
  registry.reading(async () => {
    const stored = await storage();
    files.set(stored.files);
    fileBytes.set(stored.fileBytes);
    databaseBytes.set(stored.databaseBytes);
  });
  if (folder !== undefined) diskFree(registry, folder);
  const writable = registry.gauge("edgebatch_state_writable", "1 when state can be written, 0 when not.");
  registry.reading(async () => writable.set((await fault()) === null ? 1 : 0));

  const resident = registry.gauge("process_resident_memory_bytes", "Memory that the process takes.");
  const heap = registry.gauge("edgebatch_heap_bytes", "Memory that JavaScript's objects take.");
  const cpu = registry.counted("process_cpu_seconds_total", "Time of processors that was used.");
  const start = registry.gauge("process_start_time_seconds", "When the process began, in Unix seconds.");
  const uptime = registry.gauge("edgebatch_uptime_seconds", "How long the process has been there.");
  start.set(performance.timeOrigin / 1_000);
  registry.reading(() => {
    const { rss, heapUsed } = process.memoryUsage();
    resident.set(rss);
    heap.set(heapUsed);
    const { user, system } = process.cpuUsage();
    cpu.set((user + system) / 1e6);
    uptime.set(process.uptime());
  });
  return eventLoopLag(registry);
}

function diskFree(registry: Registry, folder: string): void {
  const free = registry.gauge(
    "edgebatch_disk_free_bytes",
    "Bytes that are free on the disk where state is kept.",
  );
  registry.reading(async () => {
    const { bavail, bsize } = await statfs(folder);
    free.set(bavail * bsize);
  });
}

function eventLoopLag(registry: Registry): () => void {
  const lag = registry.gauge(
    "edgebatch_event_loop_lag_seconds",
    "How late timers were since this was last read: in the middle, at the 99th percentile, and at most.",
  );
  let watch: ReturnType<typeof monitorEventLoopDelay>;
  try {
    watch = monitorEventLoopDelay({ resolution: LAG_EVERY_MS });
    watch.enable();
  } catch {
    // Not every runtime has it.
    return () => {};
  }
  registry.reading(() => {
    // The pause between two looks is no delay.
    const late = (ns: number) => Math.max(ns / 1e9 - LAG_EVERY_MS / 1e3, 0);
    lag.set(late(watch.percentile(50)), { quantile: "0.5" });
    lag.set(late(watch.percentile(99)), { quantile: "0.99" });
    lag.set(late(watch.max), { quantile: "1" });
    watch.reset();
  });
  return () => watch.disable();
}

export async function metricsResponse(registry: Registry): Promise<Response> {
  return new Response(await registry.text(), {
    headers: { "content-type": CONTENT_TYPE, "cache-control": "no-store" },
  });
}
