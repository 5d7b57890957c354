/** `edgebatch list`: a server's batches, newest first. */

import { count, exit, oneLine, print, say } from "../terminal.ts";
import { Api } from "./api.ts";
import { connectionOf, type ServerOptions } from "./connection.ts";
import { away, countsOf, pages, type RemoteBatch } from "./remote.ts";

export interface ListOptions extends ServerOptions {
  limit: number;
  status?: string;
  json?: boolean;
}

/** How many batches are looked at for those of a status. */
const mostLookedAt = 10_000;

/** Prints a table, or the objects. Gives the exit status. */
export async function list(options: ListOptions): Promise<number> {
  const api = new Api(connectionOf(options), options.patience * 1_000, (text) => say(`edgebatch: ${text}`));
  const { limit, status } = options;
  const found: RemoteBatch[] = [];
  let looked = 0;
  const size = status === undefined ? Math.min(limit, 100) : 100;
  for await (const page of pages(api, size)) {
    looked += page.length;
    found.push(...page.filter((batch) => status === undefined || batch.status === status));
    if (found.length >= limit || looked >= mostLookedAt) break;
  }
  found.length = Math.min(found.length, limit);
  if (options.json) {
    await print(found.map((batch) => `${JSON.stringify(batch)}\n`).join(""));
  } else if (found.length === 0) {
    const which = status === undefined ? "no batches" : `no batch that is ${status}`;
    say(`${api.connection.shown} has ${which}`);
  } else {
    const names = await namesOf(api);
    await print(table(found.map((batch) => row(batch, names))));
  }
  return exit.good;
}

/** Names of input files, as far as one call gives them. */
async function namesOf(api: Api): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  const query = { purpose: "batch", limit: 1_000, order: "desc" };
  const files = (await api.json({ path: "/files", query }).catch(() => null)) as { data?: unknown } | null;
  for (const file of Array.isArray(files?.data) ? files.data : []) {
    const { id, filename } = (file ?? {}) as { id?: unknown; filename?: unknown };
    if (typeof id === "string" && typeof filename === "string") names.set(id, filename);
  }
  return names;
}

const heads = ["id", "status", "done", "failed", "age", "model", "file"];
/** Numbers stand to the right. */
const toTheRight = new Set(["done", "failed", "age"]);

function row(batch: RemoteBatch, names: Map<string, string>): string[] {
  const { total, done, failed } = countsOf(batch);
  const file = names.get(batch.input_file_id ?? "") ?? batch.input_file_id ?? "";
  return [
    batch.id,
    batch.status,
    total === 0 ? "" : `${count(done)}/${count(total)}`,
    failed === 0 ? "" : count(failed),
    batch.created_at ? ageOf(batch.created_at) : "",
    batch.model ?? "",
    file,
  ].map((cell) => oneLine(cell));
}

function ageOf(seconds: number): string {
  // The largest unit alone: columns are narrow.
  return away(Date.now() / 1_000 - seconds).replace(/ \d+ (?:s|min|h)$/, "");
}

function table(rows: string[][]): string {
  const all = [heads, ...rows];
  // A column in which nothing is said is not shown.
  const shown = heads.flatMap((_, at) => (rows.some((cells) => cells[at] !== "") ? [at] : []));
  const widths = heads.map((_, at) => Math.max(...all.map((cells) => (cells[at] ?? "").length)));
  const line = (cells: string[]) =>
    shown
      .map((at) => {
        const [cell, width] = [cells[at] ?? "", widths[at] ?? 0];
        return toTheRight.has(heads[at] ?? "") ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return all.map((cells) => `${line(cells)}\n`).join("");
}
