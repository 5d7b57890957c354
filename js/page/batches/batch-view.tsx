/** One batch: how far it is, its timeline, its errors, its files. */
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Batch } from "../../core/types.ts";
import { announce } from "../announce.ts";
import { advice } from "../check/advice.ts";
import { Fact } from "../fact.tsx";
import { count, duration, time } from "../format.ts";
import { openBatchResults } from "../results/batch-files.ts";
import { cancelBatch, retrieveBatch } from "./api.ts";
import { ConnectForm } from "./connect-form.tsx";
import { type Connection, connection } from "./connection.ts";
import { DownloadFile } from "./download-file.tsx";
import { usePolling } from "./polling.ts";
import { BatchProgress, isOver, State, stateWords } from "./state.tsx";

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
  const [failure, setFailure] = useState("");
  const show = (found: Batch) => {
    if (batch && batch.status !== found.status) announce(`The batch is now: ${stateWords[found.status]}.`);
    setBatch(found);
  };
  usePolling(
    async (signal) => {
      try {
        const found = await retrieveBatch(to, id, signal);
        if (signal.aborted) return null;
        show(found);
        setFailure("");
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
        <h1 class="batch-id">{id}</h1>
        {batch && <State batch={batch} />}
      </div>
      {failure && (
        <p class="notice bad" role="alert">
          {failure}
        </p>
      )}
      {!batch && !failure && <p class="empty">Loading…</p>}
      {batch && (
        <div class="batch">
          <section class="card wide">
            <h2>Progress</h2>
            <BatchProgress batch={batch} />
            <dl class="facts">
              <Fact name="Done" value={count(batch.request_counts.completed)} />
              <Fact name="Failed" value={count(batch.request_counts.failed)} />
              <Fact name="Total" value={count(batch.request_counts.total)} />
              <Fact name="Tokens in" value={count(batch.usage?.input_tokens ?? 0)} />
              <Fact name="Tokens out" value={count(batch.usage?.output_tokens ?? 0)} />
            </dl>
            <Cancel to={to} batch={batch} cancelled={show} />
          </section>
          <section class="card">
            <h2>Timeline</h2>
            <Timeline batch={batch} />
          </section>
          <section class="card">
            <h2>Files</h2>
            <Files to={to} batch={batch} />
            <dl class="facts rows">
              <Fact name="Endpoint" value={batch.endpoint} />
              <Fact name="Model" value={batch.model ?? "–"} />
              <Fact name="Input file" value={batch.input_file_id} />
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

/**
 * Asks once more before it cancels: it cannot be undone. The question comes below the button, which does not move,
 * so that the second click of a double click answers nothing.
 */
function Cancel(props: { to: Connection; batch: Batch; cancelled: (batch: Batch) => void }) {
  const { to, batch, cancelled } = props;
  const [asking, setAsking] = useState(false);
  const [failure, setFailure] = useState("");
  const title = useId();
  const ask = useRef<HTMLButtonElement>(null);
  const no = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    if (asking) no.current?.focus();
  }, [asking]);
  if (!["validating", "in_progress"].includes(batch.status)) return null;
  const question = () => {
    setAsking(true);
    no.current?.focus();
  };
  const letRun = () => {
    setAsking(false);
    ask.current?.focus();
  };
  const cancel = async () => {
    setAsking(false);
    try {
      cancelled(await cancelBatch(to, batch.id));
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  return (
    <>
      <div class="buttons">
        <button type="button" ref={ask} aria-expanded={asking} onClick={question}>
          Cancel the batch
        </button>
      </div>
      {asking && (
        <div
          class="notice"
          role="alertdialog"
          aria-labelledby={title}
          onKeyDown={(event) => event.key === "Escape" && letRun()}
        >
          <p id={title}>Cancel this batch? Answers so far are kept; the other requests will not run.</p>
          <div class="buttons">
            <button type="button" ref={no} onClick={letRun}>
              No, let it run
            </button>
            <button type="button" class="danger" onClick={cancel}>
              Yes, cancel it
            </button>
          </div>
        </div>
      )}
      {failure && (
        <p class="notice bad" role="alert">
          {failure}
        </p>
      )}
    </>
  );
}

function Timeline({ batch }: { batch: Batch }) {
  const events: [name: string, at: number | null][] = [
    ["Created", batch.created_at],
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
              <span class="muted">{at === before ? " at once" : ` after ${duration(at - before)}`}</span>
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

function Files({ to, batch }: { to: Connection; batch: Batch }) {
  const { output_file_id: output, error_file_id: errors } = batch;
  const { completed, failed } = batch.request_counts;
  if (isOver(batch) && !output && !errors) return <p class="muted">There are none.</p>;
  return (
    <div class="buttons">
      {!isOver(batch) && <p class="muted">They come when the batch is done.</p>}
      {output && (
        <DownloadFile to={to} fileId={output} label="Download the output" name={`${batch.id}-output.jsonl`} />
      )}
      {errors && (
        <DownloadFile to={to} fileId={errors} label="Download the errors" name={`${batch.id}-errors.jsonl`} />
      )}
      {completed + failed > 0 && (
        <button type="button" onClick={() => void openBatchResults(to, batch)}>
          {isOver(batch) ? "Read the results" : "Read the results so far"}
        </button>
      )}
    </div>
  );
}

function Errors({ errors }: { errors: NonNullable<Batch["errors"]>["data"] }) {
  return (
    <section class="card wide">
      <h2>Errors of the input file</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must be able to */}
      <section class="table-box" tabIndex={0} aria-label="Errors of the input file">
        <table>
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
                <td>{param ?? ""}</td>
                <td>{message}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
