/** What can be taken away from a check: the report, the good lines, a batch. */
import { useEffect, useRef } from "preact/hooks";
import { CreateBatch } from "../batches/create-batch.tsx";
import { count, percent } from "../format.ts";
import { nameBeside, save } from "../save.ts";
import { csvReport, jsonReport } from "./report-files.ts";
import type { Session } from "./session.ts";

/** What the new files are called. */
export function goodName(session: Session, part: number, parts: number): string {
  if (session.writing.value?.what === "parts")
    return nameBeside(session.file.name, `.${String(part + 1).padStart(3, "0")}.jsonl`);
  return nameBeside(session.file.name, parts > 1 ? `-good-${part + 1}.jsonl` : "-good.jsonl");
}

export function Downloads({ session }: { session: Session }) {
  const { name } = session.file;
  const done = session.phase.value === "done";
  const good = session.counts.value?.validCount ?? 0;
  const all = session.counts.value?.errorCount === 0;
  const { maxRequests, maxFileBytes } = session.settings;
  const { requestCount = 0, bytes = 0 } = session.counts.value ?? {};
  const writing = session.writing.value?.state === "running";
  return (
    <section class="downloads" aria-label="Downloads">
      <CreateBatch session={session} />
      <div class="buttons">
        <button type="button" onClick={() => save(jsonReport(session), nameBeside(name, "-report.json"))}>
          Report as JSON
        </button>
        <button
          type="button"
          disabled={all}
          onClick={() => save(csvReport(session), nameBeside(name, "-errors.csv"))}
        >
          Errors as CSV
        </button>
        <button
          type="button"
          disabled={!done || good === 0 || all || writing}
          onClick={() => session.write("good")}
        >
          Good lines as a new file
        </button>
        {done && (requestCount > maxRequests || bytes > maxFileBytes) && (
          <button type="button" disabled={writing} onClick={() => session.write("parts")}>
            Split into parts within the limits
          </button>
        )}
      </div>
      <GoodLines session={session} />
    </section>
  );
}

function GoodLines({ session }: { session: Session }) {
  const writing = session.writing.value;
  const saved = useRef<unknown>(null);
  useEffect(() => {
    if (writing?.state !== "ready" || !writing.toSave || saved.current === writing) return;
    saved.current = writing;
    const [only, ...others] = writing.files;
    // Of several, each is saved when it is asked for.
    if (only && others.length === 0) save(only.blob, goodName(session, 0, 1));
  }, [writing, session]);
  if (!writing?.toSave) return null;
  if (writing.state === "failed")
    return (
      <p class="notice bad" role="alert">
        {writing.message}
      </p>
    );
  if (writing.state === "running")
    return (
      <p class="notice" role="status">
        {writing.what === "parts" ? "Splitting" : "Writing the good lines"}:{" "}
        {percent(writing.read, session.file.blob.size)}{" "}
        <button type="button" class="link" onClick={() => session.stopWriting()}>
          Stop
        </button>
      </p>
    );
  const { files } = writing;
  return (
    <p class="notice" role="status">
      {writing.what === "parts"
        ? `Here are ${count(files.length)} parts, with every line of the file: `
        : files.length > 1 &&
          `They exceed the limits of one file, so here are ${count(files.length)} files: `}
      {files.map(({ blob, requests }, i) => (
        <button
          type="button"
          class="link"
          key={goodName(session, i, files.length)}
          onClick={() => save(blob, goodName(session, i, files.length))}
        >
          {goodName(session, i, files.length)} ({count(requests)} requests)
        </button>
      ))}
    </p>
  );
}
