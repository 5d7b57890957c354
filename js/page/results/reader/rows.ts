/** Rows for the list, and one of them whole. */
import { defaults } from "../../../core/rules.ts";
import { layOut } from "../../reader/layout.ts";
import type { Row } from "../../reader/protocol.ts";
import { visible } from "../../reader/visible.ts";
import { type Block, kind, type RowHead, type RowView } from "../protocol.ts";
import { bytesOf, type Part, partsOfAnswer, partsOfRequest, textOfParts } from "./answer.ts";
import { parseHead } from "./head.ts";
import { thumbnail } from "./image.ts";
import { fileOf, type Lines } from "./lines.ts";
import type { ResultFiles } from "./read-files.ts";
import { type Json, objectOf, parsed, reasonOf, statusOf, textOf, tokensOf } from "./record.ts";

/** Of a row of the list no more is read. */
const HEAD_BYTES = 32 * 1024;
const HEAD_CHARS = 200;
/** Of a text that is read no more is shown. */
const MOST_CHARS = 200_000;

/** A row, from its line or the beginning of it. */
export async function headOf(results: ResultFiles, lines: Lines, row: number): Promise<RowHead> {
  const { table } = results;
  const text = decoded(await lines.at(table.places[row] as number, HEAD_BYTES));
  return headIn(results, row, text, objectOf(parseHead(text)));
}

function headIn({ table }: ResultFiles, row: number, text: string, line: Json | null): RowHead {
  const of = table.kinds[row] as number;
  const reason = line && of !== kind.missing ? reasonOf(line) : null;
  const body = objectOf(line?.response)?.body;
  let begins = text;
  if (line && of === kind.missing) begins = textOfParts(partsOfRequest(line.body).slice(-1));
  else if (reason) begins = reason.message || reason.code;
  else if (line && of !== kind.unreadable) begins = textOfParts(partsOfAnswer(body).slice(0, 1));
  return {
    id: visible((textOf(line?.custom_id) ?? "").slice(0, 600)),
    kind: of,
    status: line && statusOf(line),
    text: visible(begins.slice(0, HEAD_CHARS).replace(/\s+/g, " ")),
  };
}

/** All of a row, and the bitmaps that go with it. */
export async function viewOf(
  results: ResultFiles,
  lines: Lines,
  row: number,
  position: number,
): Promise<RowView> {
  const { table, files } = results;
  const place = table.places[row] as number;
  const isMissing = table.kinds[row] === kind.missing;
  const bytes = (await lines.at(place)).slice();
  const text = decoded(bytes);
  const line = parsed(text);
  const head = headIn(results, row, text, line);
  const asked = isMissing ? { bytes, line } : await requestOf(results, lines, row, line?.custom_id);
  const body = isMissing ? null : objectOf(line?.response)?.body;
  const model = textOf(objectOf(body)?.model) ?? textOf(objectOf(asked?.line?.body)?.model);
  return {
    ...head,
    position,
    code: results.errors.codeOf(head.kind),
    text: line && head.kind !== kind.answered ? visible(reasonOf(line)?.message ?? "", true) : "",
    file: files[fileOf(place)]?.name ?? "",
    model,
    tokens: tokensOf(objectOf(body)),
    answer: isMissing ? [] : await blocksOf(partsOfAnswer(body)),
    request: asked && (await blocksOf(partsOfRequest(asked.line?.body))),
    raw: isMissing ? [] : laidOut(bytes),
    rawRequest: asked && laidOut(asked.bytes),
  };
}

/** The request of a row; null where it is not known, or the hash of its id deceived. */
export async function requestOf(
  { table }: ResultFiles,
  lines: Lines,
  row: number,
  id: unknown,
): Promise<{ bytes: Uint8Array; line: Json | null } | null> {
  const place = table.requests[row] ?? -1;
  if (place < 0) return null;
  const bytes = (await lines.at(place)).slice();
  const line = parsed(decoded(bytes));
  return line?.custom_id === id ? { bytes, line } : null;
}

const decoder = new TextDecoder();

export function decoded(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

async function blocksOf(parts: Part[]): Promise<Block[]> {
  const blocks: Block[] = [];
  for (const part of parts) blocks.push(await blockOf(part));
  return blocks;
}

async function blockOf(part: Part): Promise<Block> {
  const { label } = part;
  if (part.form === "json") return { form: "json", label, rows: laidOut(encoded(part.value)) };
  if (part.form === "image") {
    const bytes = bytesOf(part.data);
    const found = bytes && (await thumbnail(bytes));
    if (found) return { form: "image", label, ...found };
    const size = bytes ? `${bytes.length} bytes` : `${part.data.length} characters`;
    return { form: "text", label, text: `(${size} that cannot be shown as an image)`, leftOut: 0 };
  }
  const { text } = part;
  if (text.length <= MOST_CHARS && /^\s*[[{]/.test(text)) {
    const bytes = new TextEncoder().encode(text);
    try {
      JSON.parse(text);
      return { form: "json", label, rows: laidOut(bytes) };
    } catch {
      // A text like any other.
    }
  }
  const leftOut = Math.max(0, text.length - MOST_CHARS);
  return { form: "text", label, text: visible(text.slice(0, MOST_CHARS), true), leftOut };
}

function laidOut(bytes: Uint8Array): Row[] {
  return layOut(1, bytes.subarray(0, defaults.limits.maxLineBytes), bytes.length, null).rows;
}

const encoded = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
