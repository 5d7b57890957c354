/** One batch: how far it is, its timeline, its errors, its files. */
import { useState } from "preact/hooks";
import type { Batch } from "../../core/types.ts";
import { announce } from "../announce.ts";
import { advice } from "../check/advice.ts";
import { Copy } from "../copy.tsx";
import { Fact } from "../fact.tsx";
import { Failure } from "../failure.tsx";
import { count, duration, percent, time } from "../format.ts";
import { openBatchResults } from "../results/batch-files.ts";
import { useTitle } from "../title.ts";
import { inputName, learnNames } from "./about.ts";
import { retrieveBatch } from "./api.ts";
import { OwnFacts } from "./budget.tsx";
import { CheckInput } from "./check-input.tsx";
import { ConnectForm } from "./connect-form.tsx";
import { type Connection, connection } from "./connection.ts";
import { ContinueBatch } from "./continue-batch.tsx";
import { DownloadFile } from "./download-file.tsx";
import { featuresOf, learnFeatures } from "./features.ts";
import { LiveProgress } from "./live-progress.tsx";
import { type Sample, withSample } from "./pace.ts";
import { usePolling } from "./polling.ts";
import { isOver, State, stateOf } from "./state.tsx";
import { Steer } from "./steer.tsx";

const ASK_MS = 1_000;
const RETRY_MS = 5_000;

export function BatchView({ id }: { id: string }) {
  const to = connection.value;
  return (
    <>
      <p class="back">
        <a href="#/batches">All batches</a>
      </p>
      {to ? (
        <Opened key={`${to.base} ${to.key}`} to={to} id={id} />
      ) : (
        <div class="narrow">
          <h1>Batch</h1>
          <p class="lead">Connect to the server of this batch to see it.</p>
          <ConnectForm />
        </div>
      )}
    </>
  );
}

function Opened({ to, id }: { to: Connection; id: string }) {
  const [batch, setBatch] = useState<Batch | null>(null);
  const [samples, setSamples] = useState<Sample[]>([]);
  const [failure, setFailure] = useState("");
  const name = batch && inputName(to, batch);
  useTitle(batch && titleOf(batch, name));
  const show = (found: Batch) => {
    if (batch && stateOf(batch) !== stateOf(found)) announce(`The batch is now: ${stateOf(found)}.`);
    setBatch(found);
    const { completed, failed } = found.request_counts;
    if (found.status === "in_progress")
      setSamples((before) => withSample(before, { at: Date.now(), ended: completed + failed }));
  };
  usePolling(
    async (signal) => {
      try {
        const found = await retrieveBatch(to, id, signal);
        if (signal.aborted) return null;
        show(found);
        setFailure("");
        void learnNames(to, [found], signal);
        if (!isOver(found)) void learnFeatures(to);
        return isOver(found) ? null : ASK_MS;
      } catch (error) {
        if (!signal.aborted) setFailure((error as Error).message);
        return RETRY_MS;
      }
    },
    [id],
  );
  return (
    <>
      <div class="view-head">
        <h1>{name ?? "Batch"}</h1>
        {batch && <State batch={batch} />}
        <p class="muted">
          <code class="batch-id">{id}</code> <Copy text={id} label="Copy the batch’s ID" />
        </p>
      </div>
      <Failure text={failure} />
      {!batch && !failure && <p class="empty">Loading…</p>}
      {batch && (
        <div class="batch">
          <section class="card wide">
            {/* Above what comes and goes below, so that no button moves away from a click. */}
            <div class="steer">
              <h2>{isOver(batch) ? "Requests" : "Progress"}</h2>
              <Steer to={to} batch={batch} changed={show} />
            </div>
            <LiveProgress batch={batch} samples={samples} />
            <ContinueBatch to={to} batch={batch} />
          </section>
          <section class="card">
            <h2>Timeline</h2>
            <Timeline batch={batch} />
          </section>
          <section class="card">
            <h2>Files</h2>
            <Files to={to} batch={batch} name={name} />
            <dl class="facts rows">
              <Fact name="Endpoint" value={batch.endpoint || "–"} />
              <Fact name="Model" value={batch.model ?? "–"} />
              <Fact name="Input file ID" value={batch.input_file_id || "–"} />
              <OwnFacts batch={batch} />
              {Object.entries(batch.metadata ?? {}).map(([name, value]) => (
                <Fact key={name} name={name} value={value} />
              ))}
            </dl>
          </section>
          {batch.errors && <Errors errors={batch.errors.data} />}
        </div>
      )}
    </>
  );
}

function Timeline({ batch }: { batch: Batch }) {
  const events: [name: string, at: number | null][] = [
    ["Created", batch.created_at || null],
    ["Paused", isOver(batch) ? null : (batch.edgebatch?.paused_at ?? null)],
    ["Started", batch.in_progress_at],
    ["Cancel requested", batch.cancelling_at],
    ["Finalizing", batch.finalizing_at],
    ["Completed", batch.completed_at],
    ["Failed", batch.failed_at],
    ["Expired", batch.expired_at],
    ["Cancelled", batch.cancelled_at],
  ];
  const happened = events.filter((event): event is [string, number] => typeof event[1] === "number");
  happened.sort((a, b) => a[1] - b[1]);
  return (
    <ol class="timeline">
      {happened.map(([name, at], i) => {
        const before = happened[i - 1]?.[1];
        return (
          <li key={name}>
            <b>{name}</b> <time dateTime={new Date(at * 1000).toISOString()}>{time(at)}</time>
            {before !== undefined && (
              <span class="muted">{at === before ? " immediately" : ` after ${duration(at - before)}`}</span>
            )}
          </li>
        );
      })}
      {!isOver(batch) && batch.expires_at !== null && (
        <li class="to-come">
          <b>Expires</b>{" "}
          <time dateTime={new Date(batch.expires_at * 1000).toISOString()}>{time(batch.expires_at)}</time>
        </li>
      )}
    </ol>
  );
}

function Files({ to, batch, name }: { to: Connection; batch: Batch; name: string | null }) {
  const { output_file_id: output, error_file_id: errors, input_file_id: input } = batch;
  return (
    <>
      {!output && !errors && (
        <p class="muted">
          {isOver(batch) ? "No results." : "Files are available when the batch has finished."}
        </p>
      )}
      <div class="buttons">
        {output && (
          <DownloadFile
            to={to}
            fileId={output}
            label="Download the output"
            name={`${batch.id}-output.jsonl`}
          />
        )}
        {errors && (
          <DownloadFile
            to={to}
            fileId={errors}
            label="Download the errors"
            name={`${batch.id}-errors.jsonl`}
          />
        )}
        {input && (
          <DownloadFile to={to} fileId={input} label="Download the input" name={name ?? `${input}.jsonl`} />
        )}
        {(isOver(batch)
          ? batch.request_counts.completed + batch.request_counts.failed > 0
          : featuresOf(to).isOurs) && (
          <button type="button" onClick={() => void openBatchResults(to, batch)}>
            {isOver(batch) ? "Read the results" : "Follow the results"}
          </button>
        )}
        {input && <CheckInput to={to} batch={batch} name={name} />}
      </div>
    </>
  );
}

/** A tab that is not looked at tells how far it is. */
function titleOf(batch: Batch, name: string | null): string {
  const { total, completed, failed } = batch.request_counts;
  const running = batch.status === "in_progress" && total > 0;
  const state = running ? percent(completed + failed, total) : stateOf(batch);
  return `${state} · ${name ?? "Batch"}`;
}

function Errors({ errors }: { errors: NonNullable<Batch["errors"]>["data"] }) {
  return (
    <section class="card wide">
      <h2>Errors of the input file</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must be able to */}
      <section class="table-box" tabIndex={0} aria-label="Errors of the input file">
        <table class="input-errors">
          <thead>
            <tr>
              <th scope="col">Line</th>
              <th scope="col">Error</th>
              <th scope="col">Field</th>
              <th scope="col">Message</th>
            </tr>
          </thead>
          <tbody>
            {errors.map(({ line, code, param, message }, i) => (
              <tr key={i}>
                <td>{line === null ? "File" : count(line)}</td>
                <td>{advice(code).title}</td>
                <td>{param && <code>{param}</code>}</td>
                <td>{message}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
