/** New files of the rows that are shown: as CSV, joined with their requests, or the requests alone to run again. */
import { cell } from "../../check/report-files.ts";
import { nextTask } from "../../reader/check.ts";
import { openSpill } from "../../spill.ts";
import { firstError, kind, type What } from "../protocol.ts";
import { partsOfAnswer, partsOfRequest, textOfParts } from "./answer.ts";
import { Lines } from "./lines.ts";
import type { ResultFiles } from "./read-files.ts";
import { objectOf, parsed, reasonOf, statusOf, textOf, tokensOf } from "./record.ts";
import { decoded, requestOf } from "./rows.ts";
import type { ShownRows } from "./shown-rows.ts";

const TASK_MS = 50;

interface Job {
  results: ResultFiles;
  shown: ShownRows;
  what: What;
  progress(done: number, of: number): void;
  stopped(): boolean;
}

type Bytes = (Uint8Array | string)[];

/** Null when stopped. */
export async function writeResults(job: Job): Promise<{ blob: Blob; lines: number } | null> {
  const lines = new Lines(job.results.files.map(({ blob }) => blob));
  const spill = await openSpill();
  const encoder = new TextEncoder();
  const put = async (parts: Bytes) => {
    for (const part of parts) await spill.write(typeof part === "string" ? encoder.encode(part) : part);
  };
  let written = 0;
  try {
    if (job.what === "csv") await put([csvHead(job.results)]);
    const makes = { csv: csvRow, joined: joinedLine };
    const from =
      job.what === "retry" ? requestsToRun(job) : job.what === "merged" ? resultsInOrder(job) : null;
    const of = from?.length ?? job.shown.count;
    let told = performance.now();
    for (let i = 0; i < of; i++) {
      const parts =
        job.what === "retry" || job.what === "merged"
          ? [await lines.at(from?.[i] as number), "\n"]
          : await makes[job.what](job.results, lines, job.shown.row(i));
      if (parts.length > 0) written++;
      await put(parts);
      if (performance.now() - told < TASK_MS) continue;
      told = performance.now();
      job.progress(i, of);
      await nextTask();
      if (!job.stopped()) continue;
      await spill.discard();
      return null;
    }
    return { blob: await spill.finish(), lines: written };
  } catch (error) {
    await spill.discard();
    throw error;
  }
}

/** Where the requests are that have no answer, in the order of the input. */
function requestsToRun({ results: { table }, shown }: Job): Float64Array {
  const places = new Float64Array(shown.count);
  let found = 0;
  for (let i = 0; i < shown.count; i++) {
    const row = shown.row(i);
    const isAnswered = table.kinds[row] === kind.answered;
    const place = table.requests[row] ?? -1;
    if (!isAnswered && place >= 0) places[found++] = place;
  }
  return places.subarray(0, found).sort();
}

/** Where the results that count are, in the order of their requests. */
function resultsInOrder({ results: { table }, shown }: Job): Float64Array {
  const rows = new Uint32Array(shown.count);
  let found = 0;
  for (let i = 0; i < shown.count; i++) {
    const row = shown.row(i);
    const of = table.kinds[row] as number;
    const isResult = of === kind.answered || of >= firstError;
    if (isResult && (table.requests[row] ?? -1) >= 0) rows[found++] = row;
  }
  const { requests, places } = table;
  const inOrder = rows.subarray(0, found).sort((a, b) => (requests[a] as number) - (requests[b] as number));
  return Float64Array.from(inOrder, (row) => places[row] as number);
}

/** The result and its request, byte for byte, as members of one object. */
async function joinedLine(results: ResultFiles, lines: Lines, row: number): Promise<Bytes> {
  const { table } = results;
  const isMissing = table.kinds[row] === kind.missing;
  const bytes = (await lines.at(table.places[row] as number)).slice();
  const id = parsed(decoded(bytes))?.custom_id;
  // What is no JSON would make the whole line none.
  if (typeof id !== "string") return [];
  const request = isMissing ? { bytes } : await requestOf(results, lines, row, id);
  const head = `{"custom_id":${JSON.stringify(id)},"request":`;
  return [head, request?.bytes ?? "null", ',"result":', isMissing ? "null" : bytes, "}\n"];
}

const csvColumns = [
  "custom_id",
  "result",
  "status_code",
  "error_code",
  "error_message",
  "model",
  "input_tokens",
  "output_tokens",
  "answer",
];

function csvHead({ hasInput }: ResultFiles): string {
  return `${[...csvColumns, ...(hasInput ? ["request"] : [])].join(",")}\r\n`;
}

async function csvRow(results: ResultFiles, lines: Lines, row: number): Promise<Bytes> {
  const { table, hasInput } = results;
  const of = table.kinds[row] as number;
  const isMissing = of === kind.missing;
  const text = decoded(await lines.at(table.places[row] as number));
  const line = parsed(text) ?? {};
  const reason = isMissing || of === kind.unreadable ? null : reasonOf(line);
  const body = objectOf(objectOf(line.response)?.body);
  const tokens = tokensOf(body);
  const words = ["answered", "replaced", "no result", "unreadable"][of] ?? "failed";
  const answer = isMissing || reason || of === kind.unreadable ? "" : textOfParts(partsOfAnswer(body));
  const cells = [
    textOf(line.custom_id) ?? "",
    words,
    (isMissing ? null : statusOf(line)) ?? "",
    reason?.code ?? "",
    reason?.message ?? "",
    textOf(body?.model) ?? "",
    tokens?.input ?? "",
    tokens?.output ?? "",
    answer,
  ];
  if (hasInput) {
    const asked = isMissing ? { line } : await requestOf(results, lines, row, line.custom_id);
    cells.push(asked ? textOfParts(partsOfRequest(asked.line?.body)) : "");
  }
  return [`${cells.map(cell).join(",")}\r\n`];
}
