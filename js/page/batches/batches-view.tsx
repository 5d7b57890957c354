/** All batches of a server, newest first. */
import { useState } from "preact/hooks";
import type { Batch } from "../../core/types.ts";
import { time } from "../format.ts";
import { listBatches } from "./api.ts";
import { ConnectForm } from "./connect-form.tsx";
import { connect, connection } from "./connection.ts";
import { looking } from "./own-server.ts";
import { usePolling } from "./polling.ts";
import { BatchProgress, isOver, State } from "./state.tsx";

const PAGE = 20;
const ACTIVE_MS = 1_500;
const IDLE_MS = 10_000;

export function BatchesView() {
  const to = connection.value;
  if (!to)
    return (
      <div class="narrow">
        <h1>Batches</h1>
        {!looking.value && (
          <p class="lead">Connect to a server to see its batches, and to run a file you have checked.</p>
        )}
        <ConnectForm />
      </div>
    );
  return <Batches key={`${to.base} ${to.key}`} />;
}

function Batches() {
  const to = connection.value;
  const [batches, setBatches] = useState<Batch[] | null>(null);
  const [more, setMore] = useState(false);
  const [wanted, setWanted] = useState(PAGE);
  const [failure, setFailure] = useState("");
  usePolling(
    async (signal) => {
      if (!to) return null;
      try {
        const found = await listBatches(to, wanted, signal);
        if (signal.aborted) return null;
        setBatches(found.batches);
        setMore(found.more);
        setFailure("");
        return found.batches.every(isOver) ? IDLE_MS : ACTIVE_MS;
      } catch (error) {
        if (!signal.aborted) setFailure((error as Error).message);
        return IDLE_MS;
      }
    },
    [wanted],
  );
  return (
    <>
      <div class="view-head">
        <h1>Batches</h1>
        <p class="muted server">
          {to?.base}{" "}
          <button type="button" class="link" onClick={() => connect(null)}>
            Disconnect
          </button>
        </p>
      </div>
      {failure && (
        <p class="notice bad" role="alert">
          {failure}
        </p>
      )}
      {batches === null && !failure && <p class="empty">Loading…</p>}
      {batches?.length === 0 && (
        <p class="empty">
          No batches yet. <a href="#/">Check a file</a>, then create one from it.
        </p>
      )}
      {batches && batches.length > 0 && (
        <ul class="batches">
          {batches.map((batch) => (
            <li key={batch.id}>
              <a href={`#/batches/${batch.id}`}>{batch.id}</a>
              <State batch={batch} />
              <BatchProgress batch={batch} />
              <span class="muted batch-when">
                {time(batch.created_at)} · {batch.endpoint}
              </span>
            </li>
          ))}
        </ul>
      )}
      {more && (
        <div class="buttons">
          <button type="button" onClick={() => setWanted(wanted + PAGE)}>
            Show more
          </button>
        </div>
      )}
    </>
  );
}
