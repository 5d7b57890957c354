/** One result: the answer for reading, its request, and both lines as they are. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Code } from "../code.tsx";
import { count, plural } from "../format.ts";
import { JsonRows } from "../json-rows.tsx";
import type { Row } from "../reader/protocol.ts";
import { type Block, kind, type RowHead, type RowView } from "./protocol.ts";
import type { ResultsSession } from "./session.ts";

export function RowDetails({ session }: { session: ResultsSession }) {
  const shown = session.chosen.value;
  return (
    <section
      class={`line-view ${shown ? "" : "idle"}`}
      aria-label="The result"
      aria-busy={shown?.state === "loading"}
    >
      {shown === null && <p class="empty">The result you choose is shown here.</p>}
      {shown?.state === "loading" && <p class="empty">Fetching it…</p>}
      {shown?.state === "failed" && <p class="notice bad">{shown.message}</p>}
      {shown?.state === "ready" && <Details session={session} view={shown.view} />}
    </section>
  );
}

/** How a row ended, in a word or by its status. */
export function stateOf({ kind: of, status }: RowHead): string {
  if (of === kind.missing) return "No result";
  if (of === kind.unreadable) return "Unreadable";
  if (of === kind.replaced) return "Replaced";
  return status === null ? "Failed" : String(status);
}

function Details({ session, view }: { session: ResultsSession; view: RowView }) {
  const box = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    if (!box.current) return;
    box.current.scrollTop = 0;
    if (session.reveal) box.current.closest(".line-view")?.scrollIntoView({ block: "nearest" });
    session.reveal = false;
  }, [view]);
  const facts = [
    view.model,
    view.tokens && `${plural(view.tokens.input, "token")} in, ${count(view.tokens.output)} out`,
    view.kind !== kind.missing && view.file,
  ].filter(Boolean);
  return (
    <>
      <h2 class="result-id">{view.id || "No custom_id"}</h2>
      <p class="muted result-facts">
        <span>{stateOf(view)}</span>
        {facts.map((fact, i) => (
          <span key={i}>{fact}</span>
        ))}
      </p>
      {view.code !== null && (
        <p class="line-error">
          {view.text} <Code code={view.code} />
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must be able to */}
      <section class="result-parts" ref={box} tabIndex={0} aria-label={`Result of ${view.id}`}>
        {view.code === null && <Blocks blocks={view.answer} />}
        {view.kind === kind.missing && (
          <p class="muted">
            {session.live.value
              ? "Its result is still to come."
              : "None of the files has a result for this request."}
          </p>
        )}
        {view.request && (
          <details open={view.code !== null || view.kind === kind.missing}>
            <summary>Request</summary>
            <Blocks blocks={view.request} />
          </details>
        )}
        {view.raw.length > 0 && (
          <details open={view.kind === kind.unreadable}>
            <summary>Result line</summary>
            <Json rows={view.raw} />
          </details>
        )}
        {view.rawRequest && (
          <details>
            <summary>Request line</summary>
            <Json rows={view.rawRequest} />
          </details>
        )}
      </section>
    </>
  );
}

function Blocks({ blocks }: { blocks: Block[] }) {
  return (
    <>
      {blocks.map((block, i) => (
        <figure key={i} class="result-part">
          <figcaption class="muted">{block.label}</figcaption>
          {block.form === "text" && (
            <p class="result-text" dir="auto">
              {block.text}
              {block.leftOut > 0 && (
                <span class="muted"> … {plural(block.leftOut, "character")} left out</span>
              )}
            </p>
          )}
          {block.form === "json" && <Json rows={block.rows} />}
          {block.form === "image" && <Thumbnail {...block} />}
        </figure>
      ))}
    </>
  );
}

function Thumbnail({ bitmap, caption }: Block & { form: "image" }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    canvas.current?.getContext("2d")?.drawImage(bitmap, 0, 0);
  }, [bitmap]);
  return (
    <>
      <canvas ref={canvas} width={bitmap.width} height={bitmap.height} role="img" aria-label={caption} />
      <p class="muted">{caption}</p>
    </>
  );
}

function Json({ rows }: { rows: Row[] }) {
  return (
    <div class="json">
      <JsonRows rows={rows} />
    </div>
  );
}
