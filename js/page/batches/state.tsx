/** What all views of a batch share: its state in words, and how far it is. */
import { isTerminal } from "../../core/rules.ts";
import type { Batch, BatchStatus } from "../../core/types.ts";
import { count, percent } from "../format.ts";

const stateWords: Record<BatchStatus, string> = {
  validating: "Validating",
  failed: "Failed",
  in_progress: "In progress",
  finalizing: "Finalizing",
  completed: "Completed",
  expired: "Expired",
  cancelling: "Cancelling",
  cancelled: "Cancelled",
};

export function isOver({ status }: Batch): boolean {
  // A server of a later version may have one that is not known here.
  return isTerminal[status] ?? false;
}

/** Whether nothing of it starts because someone said so. */
export function isPaused(batch: Batch): boolean {
  return !isOver(batch) && batch.edgebatch?.paused_at !== undefined;
}

/** Its state in words. A server of another kind may have one that is not known here. */
export function stateOf(batch: Batch): string {
  return isPaused(batch) ? "Paused" : (stateWords[batch.status] ?? batch.status);
}

export function State({ batch }: { batch: Batch }) {
  return <span class={`state ${isPaused(batch) ? "cancelled" : batch.status}`}>{stateOf(batch)}</span>;
}

export function BatchProgress({ batch }: { batch: Batch }) {
  const { total, completed, failed } = batch.request_counts;
  const ended = completed + failed;
  const words =
    total === 0
      ? isOver(batch)
        ? "No requests ran"
        : "Not counted yet"
      : `${count(ended)} of ${count(total)} (${percent(ended, total)})`;
  return (
    <div class="batch-progress">
      {!isOver(batch) && (
        <progress
          max={Math.max(1, total)}
          value={ended}
          aria-label={`Requests of ${batch.id} that are done`}
        />
      )}
      <span class="muted">
        {words}
        {failed > 0 && <span class="failed-count">, {count(failed)} failed</span>}
      </span>
    </div>
  );
}
