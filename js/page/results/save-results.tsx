/** What can be taken away: what is shown as CSV or joined with the requests, and what is to run again. */
import { Failure } from "../failure.tsx";
import { count, percent, plural } from "../format.ts";
import { save } from "../save.ts";
import type { What } from "./protocol.ts";
import type { ResultsSession } from "./session.ts";

export function SaveResults({ session }: { session: ResultsSession }) {
  const writing = session.writing.value;
  const { count: shown, searched, of } = session.shown.value;
  const { kinds, text } = session.filter.value;
  const isWhole = kinds === null && text === "";
  const hasInput = session.summary.value?.strangeRequests !== null;
  const isBusy =
    session.phase.value !== "done" || searched < of || shown === 0 || writing?.state === "running";
  const button = (what: What, label: string, disabled = false) => (
    <button type="button" disabled={isBusy || disabled} onClick={() => session.write(what)}>
      {label}
    </button>
  );
  return (
    <section class="downloads" aria-label="Downloads">
      <div class="buttons">
        {button("csv", "Save as CSV")}
        {button("joined", "Save as joined JSONL")}
        {button("merged", "Save results in input order", !hasInput)}
        {button("retry", "Failed lines as a new input", !hasInput || session.live.value !== null)}
        <span class="muted">
          {!isWhole && `Only the ${plural(shown, "result")} shown. `}
          {!hasInput && "Add the input to save its failed lines, or results in its order."}
        </span>
      </div>
      <Failure text={writing?.state === "failed" ? writing.message : ""} />
      {writing?.state === "running" && (
        <p class="notice" role="status">
          Writing: {percent(writing.done, writing.of)}{" "}
          <button type="button" class="link" onClick={() => session.stopWriting()}>
            Stop
          </button>
        </p>
      )}
      {writing?.state === "ready" && (
        <p class="notice" role="status">
          <button type="button" class="link" onClick={() => save(writing.blob, session.nameOf(writing.what))}>
            {session.nameOf(writing.what)} ({count(writing.lines)} {writing.lines === 1 ? "line" : "lines"})
          </button>
        </p>
      )}
    </section>
  );
}
