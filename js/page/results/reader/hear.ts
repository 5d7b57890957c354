/** The results view's side of the thread that reads files: what it asks, and what it is told. */
import { loadCore } from "../../reader/core.ts";
import { words } from "../../reader/source.ts";
import type { Filter, FromResults, ToResults, What } from "../protocol.ts";
import { Lines } from "./lines.ts";
import { ResultFiles } from "./read-files.ts";
import { headOf, viewOf } from "./rows.ts";
import { ShownRows } from "./shown-rows.ts";
import { writeResults } from "./write-results.ts";

const post = (message: FromResults, transfer: Transferable[] = []) => postMessage(message, { transfer });

const results = new ResultFiles();
let shown = new ShownRows(results.table, { kinds: null, text: "" });
let version = 0;
let judging = false;
let rowsAsked = 0;
let rowAsked = 0;
/** The row that was shown last, and what it was. */
let chosen = { row: -1, kind: -1 };
/** Before that time a text is not looked for again. */
let searchedUntil = 0;
let writing = 0;

const lines = () => new Lines(results.files.map(({ blob }) => blob));

async function start({ wasm, files }: ToResults & { type: "open" }): Promise<void> {
  try {
    loadCore(wasm);
    const of = files.reduce((sum, { blob }) => sum + blob.size, 0);
    await results.read(files, (read) => {
      post({ type: "progress", read, of, summary: results.summary() });
      void judge();
    });
    // Some rows are of another kind by now, and what was packed can be read.
    shown = new ShownRows(results.table, shown.filter);
    post({ type: "end", summary: results.summary() });
    await judge();
  } catch (error) {
    post({ type: "failed", message: words(error) });
  }
}

/** Looks for more rows that are to be shown, and says how many there are. */
async function judge(): Promise<void> {
  const current = shown;
  if (judging || (shown.filter.text !== "" && !results.isReadable)) return;
  judging = true;
  const tell = () => {
    const { count, judged } = current;
    post({ type: "shown", version, count, searched: judged, of: results.table.count });
  };
  try {
    await current.judge(lines(), tell, () => current !== shown);
    if (current === shown) tell();
  } catch (error) {
    post({ type: "failed", message: words(error) });
  } finally {
    judging = false;
  }
  if (current !== shown) await judge();
}

/** Looking through all lines for a text takes a while, and is done again only when ten times as long has passed. */
const SEARCH_SHARE = 10;

/** More results came. What is shown stays as it was until it is known what will be. */
async function append({ lines: more, isLast }: ToResults & { type: "append" }): Promise<void> {
  try {
    await results.append(more);
    const of = version;
    const next = new ShownRows(results.table, shown.filter);
    const start = performance.now();
    if (isLast || shown.filter.text === "" || start > searchedUntil) {
      await next.judge(
        lines(),
        () => {},
        () => of !== version,
      );
      searchedUntil = start + (1 + SEARCH_SHARE) * (performance.now() - start);
      if (of === version) {
        shown = next;
        const { count, judged } = shown;
        post({ type: "shown", version, count, searched: judged, of: judged });
      }
    }
    const position = chosen.row < 0 ? null : shown.positionOf(chosen.row);
    post({ type: "appended", summary: results.summary(), position });
    if (position !== null && results.table.kinds[chosen.row] !== chosen.kind) await showRow(position);
  } catch (error) {
    post({ type: "failed", message: words(error) });
  }
}

function show(filter: Filter, of: number): void {
  version = of;
  chosen = { row: -1, kind: -1 };
  shown = new ShownRows(results.table, filter);
  void judge();
}

async function showRows(from: number, to: number): Promise<void> {
  const asked = ++rowsAsked;
  const [of, current, read] = [version, shown, lines()];
  const heads = [];
  // They are asked for again at the end.
  if (!results.isReadable) return;
  try {
    for (let at = from; at < Math.min(to, current.count); at++) {
      heads.push(await headOf(results, read, current.row(at)));
      if (asked !== rowsAsked || of !== version) return;
    }
    post({ type: "rows", version: of, from, rows: heads });
  } catch (error) {
    post({ type: "row-failed", message: words(error) });
  }
}

async function showRow(position: number): Promise<void> {
  const asked = ++rowAsked;
  const of = version;
  if (position >= shown.count) return;
  if (!results.isReadable) {
    post({
      type: "row-failed",
      message: "It can be shown once the compressed file has been read to its end.",
    });
    return;
  }
  try {
    const row = shown.row(position);
    const view = await viewOf(results, lines(), row, position);
    if (asked !== rowAsked) return;
    chosen = { row, kind: view.kind };
    const bitmaps = [...view.answer, ...(view.request ?? [])].flatMap((block) =>
      block.form === "image" ? [block.bitmap] : [],
    );
    post({ type: "row", version: of, view }, bitmaps);
  } catch (error) {
    if (asked === rowAsked) post({ type: "row-failed", message: words(error) });
  }
}

async function write(what: What): Promise<void> {
  const current = ++writing;
  const progress = (done: number, of: number) => post({ type: "writing", done, of });
  try {
    const stopped = () => current !== writing;
    const written = await writeResults({ results, shown, what, progress, stopped });
    if (written) post({ type: "written", what, ...written });
  } catch (error) {
    post({ type: "write-failed", message: words(error) });
  }
}

export function hear(message: ToResults): void {
  switch (message.type) {
    case "open":
      void start(message);
      break;
    case "append":
      void append(message);
      break;
    case "filter":
      show(message.filter, message.version);
      break;
    case "rows":
      void showRows(message.from, message.to);
      break;
    case "row":
      void showRow(message.position);
      break;
    case "write":
      void write(message.what);
      break;
    case "stop-writing":
      writing++;
  }
}
