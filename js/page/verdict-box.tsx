/** What came out, in a word and a colour. */
import type { ComponentChildren } from "preact";

export function VerdictBox({ kind, children }: { kind: string; children: ComponentChildren }) {
  return (
    <div class={`verdict ${kind}`}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        {kind === "good" && <path d="m5 12.5 4.5 4.5L19 7.5" />}
        {kind === "bad" && <path d="M12 6.5v7m0 3.5v.5" />}
        {kind === "" && <path d="M7 12h.5m4 0h.5m4 0h.5" />}
      </svg>
      <p>{children}</p>
    </div>
  );
}
