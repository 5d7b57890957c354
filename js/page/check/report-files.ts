/** The report as a file: as JSON for programs, as CSV for tables. In pieces, as there may be 100,000 errors. */
import type { BatchError } from "../../core/types.ts";
import type { Session } from "./session.ts";

const ERRORS_A_PIECE = 5_000;

export function jsonReport(session: Session): Blob {
  const { errors: store, file, settings } = session;
  const head = {
    file: { name: file.name, bytes: file.blob.size },
    endpoint: session.endpoint.value,
    dialect: settings.dialect,
    limits: { maxRequests: settings.maxRequests, maxFileBytes: settings.maxFileBytes },
    singleModel: settings.singleModel,
    complete: session.phase.value === "done",
    ...session.counts.value,
    statistics: session.statistics.value,
    errorsListed: store.all.length,
  };
  const text = (errors: BatchError[]) => errors.map((error) => `    ${JSON.stringify(error)}`).join(",\n");
  const start = JSON.stringify(head, null, 2).replace(/\n\}$/, ',\n  "errors": [\n');
  const pieces = inPieces(store.all).map((errors, i) => (i === 0 ? "" : ",\n") + text(errors));
  return new Blob([start, ...pieces, "\n  ]\n}\n"], { type: "application/json" });
}

export function csvReport(session: Session): Blob {
  const row = ({ line, code, param, message }: BatchError) =>
    `${[line ?? "", code, param ?? "", message].map(cell).join(",")}\r\n`;
  const pieces = inPieces(session.errors.all).map((errors) => errors.map(row).join(""));
  return new Blob(["line,code,param,message\r\n", ...pieces], { type: "text/csv" });
}

function inPieces(errors: BatchError[]): BatchError[][] {
  const pieces = [];
  for (let i = 0; i < errors.length; i += ERRORS_A_PIECE) pieces.push(errors.slice(i, i + ERRORS_A_PIECE));
  return pieces;
}

/** As RFC 4180 has it. What a table program would run as a formula gets an apostrophe before it. */
export function cell(value: string | number): string {
  const text = /^[=+\-@\t\r]/.test(String(value)) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
