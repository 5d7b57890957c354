/** Laid out JSON. */
import type { Row } from "./reader/protocol.ts";

export function JsonRows({ rows }: { rows: Row[] }) {
  return (
    <>
      {rows.map((row, i) => (
        <div
          key={i}
          class={row.marked ? "row marked" : "row"}
          style={{ paddingInlineStart: `${Math.min(row.depth, 12) * 1.4 + 0.75}em` }}
        >
          {row.marked && <span class="hidden">Here: </span>}
          {row.spans.map((span, j) => (
            <span key={j} class={span.kind}>
              {span.text}
            </span>
          ))}
        </div>
      ))}
    </>
  );
}
