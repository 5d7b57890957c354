/** A file that is being checked or was: progress, verdict, and everything that was found. */
import { useSignal } from "@preact/signals";
import { ConvertedNotice } from "../convert/converted-notice.tsx";
import { OtherFile } from "../convert/other-file.tsx";
import { bytes, count, duration, percent, plural } from "../format.ts";
import { RepairAll, RepairNotice, RepairPanel } from "../repair/panel.tsx";
import { Tabs } from "../tabs.tsx";
import { VerdictBox } from "../verdict-box.tsx";
import { ChooseButton } from "./choose.tsx";
import { Downloads } from "./downloads.tsx";
import { ErrorsPanel } from "./errors-panel.tsx";
import { Options, raiseMaxFileBytes, same, settings } from "./options.tsx";
import { begin, leave, type Session } from "./session.ts";
import { StatisticsPanel } from "./statistics-panel.tsx";

export function Result({ session }: { session: Session }) {
  const counts = session.counts.value;
  if (session.isOther.value) return <OtherFile session={session} />;
  const phase = session.phase.value;
  // Errors come right after the verdict, and below them what can be done with the file. Where there are none, that comes first.
  const isGood = phase === "done" && counts?.errorCount === 0;
  const downloads = phase !== "running" && <Downloads session={session} />;
  return (
    <>
      <Verdict session={session} />
      <FileBar session={session} />
      <dl class="numbers">
        <Figure name="request" value={counts?.requestCount ?? 0} />
        <Figure name="good" value={counts?.validCount ?? 0} />
        <Figure name="error" value={counts?.errorCount ?? 0} bad />
      </dl>
      <ConvertedNotice session={session} />
      <RepairNotice session={session} />
      {isGood && downloads}
      <Found session={session} />
      <RepairPanel session={session} />
      {!isGood && downloads}
    </>
  );
}

function Figure({ name, value, bad = false }: { name: string; value: number; bad?: boolean }) {
  return (
    <div class={bad && value > 0 ? "bad" : ""}>
      <dt>{name === "good" || value === 1 ? name : `${name}s`}</dt>
      <dd>{count(value)}</dd>
    </div>
  );
}

function FileBar({ session }: { session: Session }) {
  const phase = session.phase.value;
  const changed = !same(settings.value, session.settings);
  return (
    <section class="file" aria-label="The file">
      <div class="file-head">
        <h2 class="file-name">{session.file.name}</h2>
        <span class="muted">{bytes(session.file.blob.size)}</span>
        <div class="buttons">
          {phase === "running" ? (
            <button type="button" onClick={() => session.cancel()}>
              Cancel
            </button>
          ) : (
            <button
              type="button"
              class={changed ? "primary" : ""}
              onClick={() => void begin(session.file, settings.value)}
            >
              Check again
            </button>
          )}
          <ChooseButton label="Another file" />
          <button type="button" onClick={leave}>
            Close
          </button>
        </div>
      </div>
      <Progress session={session} />
      <details class="file-options">
        <summary>
          Checked for <code>{session.endpoint.value || "…"}</code>, up to{" "}
          {count(session.settings.maxRequests)} requests and{" "}
          {count(session.settings.maxFileBytes / (1 << 20))} MiB
        </summary>
        <Options />
      </details>
    </section>
  );
}

function Progress({ session }: { session: Session }) {
  const size = session.file.blob.size;
  const read = session.read.value;
  const { pace } = session;
  const running = session.phase.value === "running";
  const rate = pace.rate.value;
  const left = pace.remaining(size - read);
  const words = running
    ? [
        `${percent(read, size)}, ${bytes(read)} of ${bytes(size)}`,
        rate > 0 && `${bytes(rate)} per second`,
        left !== null && `${duration(left)} left`,
      ]
    : [
        `${session.phase.value === "done" ? "Done" : `Read up to ${bytes(read)} of ${bytes(size)}`} in ${
          pace.elapsed.value < 1 ? "less than a second" : `${pace.elapsed.value.toFixed(1)} seconds`
        }`,
        pace.elapsed.value > 0.5 && `${bytes(read / pace.elapsed.value)} per second`,
      ];
  return (
    <div class="progress">
      <p class="muted">{words.filter(Boolean).join(" · ")}</p>
      {running && <progress max={Math.max(1, size)} value={read} aria-label="Bytes checked" />}
    </div>
  );
}

function Verdict({ session }: { session: Session }) {
  const phase = session.phase.value;
  const counts = session.counts.value;
  let [kind, text] = ["", ""];
  if (phase === "failed") [kind, text] = ["bad", session.failure.value];
  else if (phase === "done")
    [kind, text] = [session.verdict.value.good ? "good" : "bad", session.verdict.value.sentence];
  else {
    const errors = counts?.errorCount ?? 0;
    const soFar = errors === 0 ? "no errors so far" : `${plural(errors, "error")} so far`;
    kind = errors > 0 ? "bad" : "";
    text = phase === "running" ? `Checking: ${soFar}.` : `Cancelled: ${soFar}. The rest was not checked.`;
  }
  const cut =
    (phase === "done" || phase === "running") && (counts?.bytes ?? 0) > session.settings.maxFileBytes;
  return (
    <VerdictBox kind={kind} action={<RepairAll session={session} />}>
      {text}
      {cut && (
        <>
          {" "}
          Only its first {count(session.settings.maxFileBytes / (1 << 20))} MiB are checked, as on a server.{" "}
          <button
            type="button"
            class="link"
            onClick={() => {
              raiseMaxFileBytes(counts?.bytes ?? 0);
              void begin(session.file, settings.value);
            }}
          >
            Raise the limit and check all of it
          </button>
        </>
      )}
    </VerdictBox>
  );
}

function Found({ session }: { session: Session }) {
  const chosen = useSignal<string | null>(null);
  const errors = session.counts.value?.errorCount ?? 0;
  // Until someone chooses: what there is to see.
  const shown = chosen.value ?? (errors === 0 && session.phase.value === "done" ? "statistics" : "errors");
  const choose = (id: string) => {
    chosen.value = id;
    session.line.value = null;
  };
  const tabs = [
    {
      id: "errors",
      label: (
        <>
          Errors <span class="badge">{count(errors)}</span>
        </>
      ),
    },
    { id: "statistics", label: "Statistics" },
  ];
  return (
    <Tabs label="What was found" tabs={tabs} chosen={shown} choose={choose}>
      {shown === "errors" ? <ErrorsPanel session={session} /> : <StatisticsPanel session={session} />}
    </Tabs>
  );
}
