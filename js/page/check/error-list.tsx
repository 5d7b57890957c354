/** The list of errors. */
import { useLayoutEffect, useState } from "preact/hooks";
import type { BatchError } from "../../core/types.ts";
import { count } from "../format.ts";
import { Listbox } from "../listbox.tsx";
import type { Session } from "./session.ts";

export function ErrorList({ session }: { session: Session }) {
  const { errors, count: total } = session.errors.shown.value;
  const [active, setActive] = useState<BatchError | null>(null);
  const choose = (position: number, byPointer: boolean) => {
    const error = errors[position] as BatchError;
    setActive(error);
    session.reveal = byPointer;
    if (error.line !== null) session.show(error.line, error);
    else session.showWhole(error);
  };

  // Where the line has a column of its own, the first error opens by itself once all are known.
  const done = session.phase.value === "done";
  useLayoutEffect(() => {
    if (done && !active && total > 0 && !session.line.peek() && matchMedia("(min-width: 1021px)").matches)
      choose(0, false);
  }, [done]);
  return (
    <Listbox
      label={`Errors, ${count(total)} listed`}
      name="error"
      count={total}
      active={active ? errors.indexOf(active) : -1}
      reset={session.errors.filter.value}
      choose={choose}
      row={(i) => <ErrorRow error={errors[i] as BatchError} />}
      empty={done ? "No error matches." : "None listed so far."}
    />
  );
}

function ErrorRow({ error: { line, param, message } }: { error: BatchError }) {
  return (
    <>
      <span class="error-place">
        <b>{line === null ? "Whole file" : `Line ${count(line)}`}</b>
        {param !== null && <code>{param}</code>}
      </span>
      <span class="error-text">{message}</span>
    </>
  );
}
