/** All batches of a server, newest first. */
import { useState } from "preact/hooks";
import type { Batch, BatchStatus } from "../../core/types.ts";
import { Failure } from "../failure.tsx";
import { count } from "../format.ts";
import { inputName, learnNames, matches } from "./about.ts";
import { listBatches } from "./api.ts";
import { BatchRow } from "./batch-row.tsx";
import { ConnectForm } from "./connect-form.tsx";
import { type Connection, connect, connection, disconnect, servers } from "./connection.ts";
import { featuresOf, learnFeatures } from "./features.ts";
import { looking } from "./own-server.ts";
import { usePolling } from "./polling.ts";
import { isOver } from "./state.tsx";

/** What may be asked for, in words of people who wait. */
const statesOf: Record<string, BatchStatus[]> = {
  Active: ["validating", "in_progress", "finalizing", "cancelling"],
  Completed: ["completed"],
  Failed: ["failed"],
  Expired: ["expired"],
  Cancelled: ["cancelled"],
};

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
  const [status, setStatus] = useState("");
  const [text, setText] = useState("");
  usePolling(
    async (signal) => {
      if (!to) return null;
      try {
        const found = await listBatches(to, wanted, signal);
        if (signal.aborted) return null;
        setBatches(found.batches);
        setMore(found.more);
        setFailure("");
        void learnFeatures(to);
        void learnNames(to, found.batches, signal);
        return found.batches.every(isOver) ? IDLE_MS : ACTIVE_MS;
      } catch (error) {
        if (!signal.aborted) setFailure((error as Error).message);
        return IDLE_MS;
      }
    },
    [wanted],
  );
  const shown = (batches ?? []).filter(
    (batch) =>
      (status === "" || statesOf[status]?.includes(batch.status)) &&
      (to === null || matches(batch, inputName(to, batch), text.trim())),
  );
  return (
    <>
      <div class="view-head">
        <h1>Batches</h1>
        {to && <Server to={to} />}
      </div>
      <Failure text={failure} />
      {batches === null && !failure && <p class="empty">Loading…</p>}
      {batches?.length === 0 && (
        <p class="empty">
          No batches yet. <a href="#/">Check a file</a>, then create one from it.
        </p>
      )}
      {to && batches && batches.length > 0 && (
        <>
          <search class="batch-filter">
            <select
              aria-label="Status"
              value={status}
              onChange={(event) => setStatus(event.currentTarget.value)}
            >
              <option value="">Any status</option>
              {Object.keys(statesOf).map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
            <input
              type="search"
              aria-label="Find a batch"
              placeholder="Name, model, metadata or ID"
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </search>
          {shown.length === 0 && (
            <p class="empty">None of the newest {count(batches.length)} batches matches.</p>
          )}
          <ul class="batches">
            {shown.map((batch) => (
              <BatchRow key={batch.id} batch={batch} name={inputName(to, batch)} />
            ))}
          </ul>
        </>
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

/** Which server it is, a way to the others of this tab, and away from it. */
function Server({ to }: { to: Connection }) {
  const known = servers.value;
  return (
    <div class="muted server">
      {known.length > 1 ? (
        <select
          aria-label="Server"
          value={to.base}
          onChange={({ currentTarget: { value } }) =>
            connect(known.find(({ base }) => base === value) ?? null)
          }
        >
          {known.map(({ base }) => (
            <option key={base}>{base}</option>
          ))}
        </select>
      ) : (
        <span>{to.base}</span>
      )}
      {featuresOf(to).events.length > 0 && <a href="#/webhooks">Webhooks</a>}
      <button type="button" class="link" onClick={() => connect(null)}>
        Another server
      </button>
      <button type="button" class="link" onClick={disconnect}>
        Disconnect
      </button>
    </div>
  );
}
