/** Files that are being read or were: how far, how it went, and everything that is in them. */
import { useSignal } from "@preact/signals";
import { bytes, count, percent, plural } from "../format.ts";
import { Tabs } from "../tabs.tsx";
import { VerdictBox } from "../verdict-box.tsx";
import { ChooseResults } from "./choose-results.tsx";
import { ResultsPanel } from "./results-panel.tsx";
import { SaveResults } from "./save-results.tsx";
import { leaveResults, type ResultsSession, soFarOf, verdictOf } from "./session.ts";
import { UsagePanel } from "./usage-panel.tsx";

export function OpenedResults({ session }: { session: ResultsSession }) {
  const chosen = useSignal("results");
  const summary = session.summary.value;
  const tabs = [
    { id: "results", label: "Results" },
    { id: "usage", label: "Usage" },
  ];
  return (
    <>
      <Verdict session={session} />
      <Files session={session} />
      {summary && (
        <>
          <SaveResults session={session} />
          <Tabs
            label="Contents of the files"
            tabs={tabs}
            chosen={chosen.value}
            choose={(id) => (chosen.value = id)}
          >
            {chosen.value === "results" ? (
              <ResultsPanel session={session} summary={summary} />
            ) : (
              <UsagePanel usage={summary.usage} />
            )}
          </Tabs>
        </>
      )}
    </>
  );
}

function Files({ session }: { session: ResultsSession }) {
  const { read, of } = session.progress.value;
  const known = session.summary.value?.files;
  const files = known ?? session.files.map(({ name, blob }) => ({ name, bytes: blob.size, role: null }));
  return (
    <section class="file" aria-label="The files">
      <div class="file-head">
        <ul class="result-files">
          {files.map((file, i) => (
            <li key={i}>
              <b class="file-name">{file.name}</b>{" "}
              <span class="muted">
                {file.role === "input" && "input, "}
                {bytes(file.bytes)}
              </span>
            </li>
          ))}
        </ul>
        <div class="buttons">
          {!session.live.value && <ChooseResults label="Add files" />}
          <button type="button" onClick={leaveResults}>
            Close
          </button>
        </div>
      </div>
      {session.phase.value === "running" && (
        <div class="progress">
          <progress max={Math.max(1, of)} value={read} aria-label="Bytes read" />
          <p class="muted">
            {percent(read, of)}, {bytes(read)} of {bytes(of)}
          </p>
        </div>
      )}
    </section>
  );
}

function Verdict({ session }: { session: ResultsSession }) {
  const phase = session.phase.value;
  const summary = session.summary.value;
  let [kind, text] = ["", `Reading: ${count(summary?.rows ?? 0)} results so far.`];
  const live = session.live.value;
  if (phase === "failed") [kind, text] = ["bad", session.failure.value];
  else if (live && summary) text = `${soFarOf(summary)} ${live.trouble}`;
  else if (phase === "done" && summary) {
    const isGood = summary.answered > 0 && summary.failed + summary.missing === 0;
    [kind, text] = [isGood ? "good" : "bad", verdictOf(summary)];
  }
  const strange = summary?.strangeRequests ?? 0;
  return (
    <VerdictBox kind={kind}>
      {text}
      {strange > 0 && ` ${plural(strange, "line")} of the input could not be read as requests.`}
    </VerdictBox>
  );
}
