/**
 * The list of errors. Only the rows in view are in the document, so 100,000 are as quick as ten. For assistive
 * technology it is a listbox whose options know their position among all.
 */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { BatchError } from "../../core/types.ts";
import { count } from "../format.ts";
import type { Session } from "./session.ts";

/** As in the style sheet. */
const ROW = 56;
const AROUND = 6;

export function ErrorList({ session }: { session: Session }) {
  const { errors, count: total } = session.errors.shown.value;
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(480);
  const [active, setActive] = useState<BatchError | null>(null);

  useLayoutEffect(() => {
    const list = box.current;
    if (!list) return;
    const observer = new ResizeObserver(() => setHeight(list.clientHeight));
    observer.observe(list);
    return () => observer.disconnect();
  }, []);

  const filter = session.errors.filter.value;
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = 0;
    setTop(0);
  }, [filter]);

  const at = active ? errors.indexOf(active) : -1;
  const select = (index: number) => {
    const error = errors[index];
    if (!error || !box.current) return;
    setActive(error);
    const [from, to] = [index * ROW, (index + 1) * ROW];
    const list = box.current;
    if (from < list.scrollTop) list.scrollTop = from;
    else if (to > list.scrollTop + list.clientHeight) list.scrollTop = to - list.clientHeight;
    if (error.line !== null) session.show(error.line, error);
    else session.showWhole(error);
  };

  const keys = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(height / ROW) - 1);
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: total - 1,
    };
    const to = moves[event.key];
    if (to === undefined || total === 0) return;
    event.preventDefault();
    select(Math.max(0, Math.min(total - 1, to)));
  };

  const first = Math.max(0, Math.floor(top / ROW) - AROUND);
  const last = Math.min(total, Math.ceil((top + height) / ROW) + AROUND);
  const rows = [];
  for (let i = first; i < last; i++) rows.push(i);
  // The active option stays in the document wherever the list is scrolled to: focus refers to it.
  if (at >= 0 && (at < first || at >= last)) rows.push(at);

  return (
    <div
      class="error-list"
      ref={box}
      role="listbox"
      tabIndex={0}
      aria-label={`Errors, ${count(total)} listed`}
      aria-activedescendant={at >= 0 ? `error-${at}` : undefined}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={keys}
      onFocus={() => at < 0 && total > 0 && box.current?.matches(":focus-visible") && select(0)}
    >
      <div class="error-space" role="presentation" style={{ height: `${total * ROW}px` }}>
        {rows.map((i) => {
          const error = errors[i] as BatchError;
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the listbox, which has the focus
            <div
              key={i}
              id={`error-${i}`}
              class="error-row"
              role="option"
              tabIndex={-1}
              aria-selected={i === at}
              aria-setsize={total}
              aria-posinset={i + 1}
              style={{ transform: `translateY(${i * ROW}px)` }}
              onClick={() => {
                box.current?.focus();
                session.reveal = true;
                select(i);
              }}
            >
              <span class="error-place">
                <b>{error.line === null ? "Whole file" : `Line ${count(error.line)}`}</b>
                {error.param !== null && <code>{error.param}</code>}
              </span>
              <span class="error-text">{error.message}</span>
            </div>
          );
        })}
      </div>
      {total === 0 && <p class="empty">No error matches.</p>}
    </div>
  );
}
