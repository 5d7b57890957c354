/** What came out, in a word and a colour. */
import type { ComponentChildren } from "preact";

interface VerdictProps {
  kind: string;
  children: ComponentChildren;
  /** What to do about it at once. */
  action?: ComponentChildren;
}

export function VerdictBox({ kind, children, action }: VerdictProps) {
  return (
    <div class={`verdict ${kind}`}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        {kind === "good" && <path d="m5 12.5 4.5 4.5L19 7.5" />}
        {kind === "bad" && <path d="M12 6.5v7m0 3.5v.5" />}
        {kind === "" && <path d="M7 12h.5m4 0h.5m4 0h.5" />}
      </svg>
      <p>{children}</p>
      {action}
    </div>
  );
}
