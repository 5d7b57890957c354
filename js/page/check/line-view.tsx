/** A line of the file, laid out, with the fault marked and what to do about it. */
import { useLayoutEffect, useRef } from "preact/hooks";
import type { BatchError } from "../../core/types.ts";
import { Code } from "../code.tsx";
import { bytes, count } from "../format.ts";
import { JsonRows } from "../json-rows.tsx";
import type { LineView as View } from "../reader/protocol.ts";
import { advice } from "./advice.ts";
import type { Session } from "./session.ts";

export function LineView({ session }: { session: Session }) {
  const shown = session.line.value;
  return (
    <section
      class={`line-view ${shown ? "" : "idle"}`}
      aria-label="The line"
      aria-busy={session.fetching.value !== null}
    >
      {shown === null && <p class="empty">The line of the error you choose is shown here.</p>}
      {shown?.state === "whole" && <Whole error={shown.error} />}
      {shown?.state === "loading" && <p class="empty">Fetching line {count(shown.line)}…</p>}
      {shown?.state === "failed" && <p class="notice bad">{shown.message}</p>}
      {shown?.state === "ready" && <Laid session={session} view={shown.view} error={shown.error} />}
    </section>
  );
}

function Whole({ error }: { error: BatchError }) {
  return (
    <>
      <h3>Whole file</h3>
      <p class="line-error">
        {error.message} <Code code={error.code} />
      </p>
      <p class="todo">
        <b>What to do:</b> {advice(error.code).todo}
      </p>
    </>
  );
}

function Laid({ session, view, error }: { session: Session; view: View; error: BatchError | null }) {
  const box = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const marked = box.current?.querySelector<HTMLElement>(".row.marked");
    if (!box.current) return;
    const middle = (marked?.offsetTop ?? 0) - box.current.clientHeight / 2;
    box.current.scrollTop = Math.max(0, middle);
    if (session.reveal) box.current.closest(".line-view")?.scrollIntoView({ block: "nearest" });
    session.reveal = false;
  }, [view]);
  const fetching = session.fetching.value;
  const found = error && advice(error.code, error.param, error.message);
  return (
    <>
      <h3>
        Line {count(view.line)}{" "}
        <span class="muted">
          {fetching === null || fetching === view.line
            ? bytes(view.bytes)
            : `fetching line ${count(fetching)}…`}
        </span>
      </h3>
      {error && (
        <p class="line-error">
          {error.message} <Code code={error.code} />
        </p>
      )}
      {view.fault && (
        <p class="line-why">
          <b>{view.fault.offset < view.bytes ? `At column ${count(view.fault.column)}:` : "At its end:"}</b>{" "}
          {view.fault.reason}
        </p>
      )}
      {found && (
        <p class="todo">
          <b>What to do:</b> {found.todo}
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must be able to */}
      <section class="json" ref={box} aria-label={`JSON of line ${view.line}`} tabIndex={0}>
        <JsonRows rows={view.rows} />
      </section>
    </>
  );
}
