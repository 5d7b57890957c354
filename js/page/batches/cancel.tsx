/** Cancels a batch, after asking once more: it cannot be undone. */
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Batch } from "../../core/types.ts";
import { cancelBatch } from "./api.ts";
import type { Connection } from "./connection.ts";

export function Cancel(props: { to: Connection; batch: Batch; cancelled: (batch: Batch) => void }) {
  const { to, batch, cancelled } = props;
  const [asking, setAsking] = useState(false);
  const [failure, setFailure] = useState("");
  if (!["validating", "in_progress"].includes(batch.status)) return null;
  const cancel = async () => {
    setAsking(false);
    setFailure("");
    try {
      cancelled(await cancelBatch(to, batch.id));
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  return (
    <>
      <div class="buttons">
        <button type="button" aria-haspopup="dialog" onClick={() => setAsking(true)}>
          Cancel the batch
        </button>
      </div>
      {asking && <Question no={() => setAsking(false)} yes={() => void cancel()} />}
      {failure && (
        <p class="notice bad" role="alert">
          {failure}
        </p>
      )}
    </>
  );
}

/** A modal dialog whose focus is on "No". Closing it gives the focus back to the button that opened it. */
function Question({ no, yes }: { no: () => void; yes: () => void }) {
  const ids = { title: useId(), text: useId() };
  const dialog = useRef<HTMLDialogElement>(null);
  const letRun = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    dialog.current?.showModal();
    // Nor does the second click of a double click take the focus away.
    dialog.current?.addEventListener("mousedown", (event) => event.detail > 1 && event.preventDefault());
    letRun.current?.focus();
  }, []);
  return (
    <dialog
      ref={dialog}
      role="alertdialog"
      aria-labelledby={ids.title}
      aria-describedby={ids.text}
      onClose={no}
    >
      <h2 id={ids.title}>Cancel this batch?</h2>
      <p id={ids.text}>Finished requests keep their answers. The others will not run.</p>
      <div class="buttons">
        {/* The second click of a double click, wherever it lands, answers nothing. */}
        <button type="button" ref={letRun} onClick={(event) => event.detail < 2 && dialog.current?.close()}>
          No, let it run
        </button>
        <button type="button" class="danger" onClick={(event) => event.detail < 2 && yes()}>
          Yes, cancel it
        </button>
      </div>
    </dialog>
  );
}
