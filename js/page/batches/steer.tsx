/** Pauses a batch and lets it go on, where the server can, and cancels it, after asking once more. */
import { useState } from "preact/hooks";
import type { Batch } from "../../core/types.ts";
import { Failure } from "../failure.tsx";
import { steerBatch } from "./api.ts";
import { Confirm } from "./confirm.tsx";
import type { Connection } from "./connection.ts";
import { featuresOf } from "./features.ts";
import { isPaused } from "./state.tsx";

export function Steer(props: { to: Connection; batch: Batch; changed: (batch: Batch) => void }) {
  const { to, batch, changed } = props;
  const [asking, setAsking] = useState(false);
  const [failure, setFailure] = useState("");
  if (!["validating", "in_progress"].includes(batch.status)) return null;
  const steer = async (how: "cancel" | "pause" | "resume") => {
    setAsking(false);
    setFailure("");
    try {
      changed(await steerBatch(to, batch.id, how));
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  const paused = isPaused(batch);
  return (
    <>
      <div class="buttons">
        {featuresOf(to).isOurs && (
          <button
            type="button"
            class={paused ? "primary" : ""}
            onClick={() => void steer(paused ? "resume" : "pause")}
          >
            {paused ? "Resume" : "Pause"}
          </button>
        )}
        <button type="button" aria-haspopup="dialog" onClick={() => setAsking(true)}>
          Cancel the batch
        </button>
      </div>
      {asking && (
        <Confirm
          title="Cancel this batch?"
          no="No, let it run"
          yes="Yes, cancel it"
          closed={() => setAsking(false)}
          confirmed={() => void steer("cancel")}
        >
          Finished requests keep their answers. The others will not run.
        </Confirm>
      )}
      <Failure text={failure} />
    </>
  );
}
