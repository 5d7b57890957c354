/** Runs again what a batch that has ended did not answer, as a batch of its own with the results of both. */
import { useState } from "preact/hooks";
import type { Batch } from "../../core/types.ts";
import { announce } from "../announce.ts";
import { Failure } from "../failure.tsx";
import { plural } from "../format.ts";
import { continueBatch } from "./api.ts";
import type { Connection } from "./connection.ts";
import { isOver } from "./state.tsx";

export function ContinueBatch({ to, batch }: { to: Connection; batch: Batch }) {
  const [busy, setBusy] = useState(false);
  // Asked for twice, by a click or a lost answer, it is one batch.
  const [key] = useState(() => crypto.randomUUID());
  const [failure, setFailure] = useState("");
  const { total, completed } = batch.request_counts;
  const open = total - completed;
  if (!isOver(batch) || open === 0) return null;
  const run = async () => {
    setBusy(true);
    setFailure("");
    try {
      const { id } = await continueBatch(to, batch, key);
      announce("The batch was created.");
      location.hash = `#/batches/${id}`;
    } catch (error) {
      setFailure((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <>
      <div class="buttons">
        <button type="button" class="primary" disabled={busy} onClick={() => void run()}>
          {batch.status === "completed" ? "Retry" : "Continue with"} {plural(open, "request")}
        </button>
        <span class="muted">In a new batch, whose files also include the answers of this one.</span>
      </div>
      <Failure text={failure} />
    </>
  );
}
