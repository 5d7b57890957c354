/**
 * A list of rows of one height, of which only those in view are in the document: a million are as quick as ten. For
 * assistive technology it is a listbox whose options know their position among all.
 */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** As in the style sheet. */
const ROW = 56;
const AROUND = 6;
/** Browsers know no element much higher. Of a longer list the scroll bar shows parts, and steps are still whole. */
const MOST_PIXELS = 8_000_000;

export interface ListboxProps {
  label: string;
  /** Before the numbers of the rows' ids. */
  name: string;
  count: number;
  /** The position of the chosen row; -1 for none. */
  active: number;
  /** Another value takes the list back to its beginning. */
  reset: unknown;
  choose(position: number, byPointer: boolean): void;
  row(position: number): ComponentChildren;
  /** The rows that are in the document now. */
  seen?(first: number, last: number): void;
  empty: string;
}

export function Listbox({ label, name, count, active, reset, choose, row, seen, empty }: ListboxProps) {
  const box = useRef<HTMLDivElement>(null);
  /** Where the list is scrolled to, in pixels of all its rows and of the element. */
  const [{ top, at }, move] = useState({ top: 0, at: 0 });
  const [height, setHeight] = useState(480);
  const full = count * ROW;
  const space = Math.min(full, MOST_PIXELS);
  const most = Math.max(0, full - height);
  const scale = space < full ? (space - height) / most : 1;

  const goTo = (wanted: number) => {
    const to = Math.max(0, Math.min(most, wanted));
    if (!box.current) return;
    box.current.scrollTop = to * scale;
    move({ top: to, at: box.current.scrollTop });
  };
  const scrolled = () => {
    const now = box.current?.scrollTop ?? 0;
    const step = now - at;
    if (step === 0) return;
    // Short ways are gone pixel by pixel, long ones by the scroll bar's part of the whole.
    const isShort = scale < 1 && Math.abs(step) < height && now > 0 && now < space - height - 1;
    move({ top: isShort ? Math.max(0, Math.min(most, top + step)) : now / scale, at: now });
  };

  useLayoutEffect(() => {
    const list = box.current;
    if (!list) return;
    const observer = new ResizeObserver(() => setHeight(list.clientHeight));
    observer.observe(list);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => goTo(0), [reset]);

  const first = Math.max(0, Math.floor(top / ROW) - AROUND);
  const last = Math.min(count, Math.ceil((top + height) / ROW) + AROUND);
  useLayoutEffect(() => seen?.(first, last));

  const select = (position: number, byPointer = false) => {
    if (position < 0 || position >= count) return;
    const [from, to] = [position * ROW, (position + 1) * ROW];
    if (from < top) goTo(from);
    else if (to > top + height) goTo(to - height);
    choose(position, byPointer);
  };
  const keys = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(height / ROW) - 1);
    const moves: Record<string, number> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: count - 1,
    };
    const to = moves[event.key];
    if (to === undefined || count === 0) return;
    event.preventDefault();
    select(Math.max(0, Math.min(count - 1, to)));
  };

  const rows = [];
  for (let i = first; i < last; i++) rows.push(i);
  // The active option stays in the document wherever the list is scrolled to: focus refers to it.
  const isAway = active >= 0 && active < count && (active < first || active >= last);
  if (isAway) rows.push(active);
  /** One that is away is beyond the edge, within what the element can hold. */
  const place = (i: number) => Math.max(-2 * ROW, Math.min(space, i * ROW - top + at));

  return (
    <div
      class="error-list"
      ref={box}
      role="listbox"
      tabIndex={0}
      aria-label={label}
      aria-activedescendant={active >= 0 ? `${name}-${active}` : undefined}
      onScroll={scrolled}
      // The bar's place agrees with the rows again, once nobody is moving it.
      onScrollEnd={() => scale < 1 && goTo(top)}
      onKeyDown={keys}
      onFocus={() => active < 0 && box.current?.matches(":focus-visible") && select(0)}
    >
      <div class="error-space" role="presentation" style={{ height: `${space}px` }}>
        {rows.map((i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the listbox, which has the focus
          <div
            key={i}
            id={`${name}-${i}`}
            class="error-row"
            role="option"
            tabIndex={-1}
            aria-selected={i === active}
            aria-setsize={count}
            aria-posinset={i + 1}
            style={{ transform: `translateY(${place(i)}px)` }}
            onClick={() => {
              box.current?.focus();
              select(i, true);
            }}
          >
            {row(i)}
          </div>
        ))}
      </div>
      {count === 0 && <p class="empty">{empty}</p>}
    </div>
  );
}
