/** Results by kind, the list of them, and one of them whole. */
import { useEffect, useId, useRef } from "preact/hooks";
import { count, percent } from "../format.ts";
import { Listbox } from "../listbox.tsx";
import { type Filter, kind, type RowHead, type Summary } from "./protocol.ts";
import { RowDetails, stateOf } from "./row-details.tsx";
import type { ResultsSession } from "./session.ts";

/** Codes that are shown, and texts of one code: the most frequent ones. */
const MOST_CODES = 50;
/** A pause in typing after which it is looked for. */
const TYPING_MS = 250;

export function ResultsPanel({ session, summary }: { session: ResultsSession; summary: Summary }) {
  const total = session.shown.value.count;
  // Rows come later than their places.
  session.heads.value;
  return (
    <div class="errors results">
      <Kinds session={session} summary={summary} />
      <div class="errors-listed">
        <Search session={session} />
        <Listbox
          label={`Results, ${count(total)} listed`}
          name="result"
          count={total}
          active={session.position.value}
          reset={session.version.value}
          choose={(position, byPointer) => {
            session.reveal = byPointer;
            session.choose(position);
          }}
          row={(i) => <Head head={session.head(i)} />}
          seen={(first, last) => session.want(first, last)}
          empty={session.phase.value === "running" ? "None so far." : "No result matches."}
        />
        <p class="muted list-note">Choose one to read it.</p>
      </div>
      <RowDetails session={session} />
    </div>
  );
}

function Head({ head }: { head: RowHead | undefined }) {
  if (!head) return <span class="error-text">…</span>;
  const isBad = head.kind !== kind.answered && head.kind !== kind.replaced;
  return (
    <>
      <span class="error-place">
        <b class="result-id">{head.id || "–"}</b>
        <code class={isBad ? "bad" : ""}>{stateOf(head)}</code>
      </span>
      <span class="error-text">{head.text || "–"}</span>
    </>
  );
}

function Kinds({ session, summary }: { session: ResultsSession; summary: Summary }) {
  const { kinds: chosen, text } = session.filter.value;
  const choose = (kinds: Filter["kinds"]) => session.show({ kinds, text });
  const codes = new Map<string, Summary["errors"]>();
  for (const group of summary.errors) {
    if (group.count > 0) codes.set(group.code, [...(codes.get(group.code) ?? []), group]);
  }
  const sum = (groups: Summary["errors"]) => groups.reduce((all, group) => all + group.count, 0);
  const kindsOf = (groups: Summary["errors"]) => groups.map((group) => group.kind);
  const isChosen = (kinds: Filter["kinds"]) => JSON.stringify(kinds) === JSON.stringify(chosen);
  const button = (title: string, times: number, kinds: Filter["kinds"], more = "") => (
    <button
      type="button"
      key={`${title} ${more}`}
      class={`kind ${more}`}
      aria-pressed={isChosen(kinds)}
      onClick={() => choose(isChosen(kinds) ? null : kinds)}
    >
      <span class="kind-title">{title}</span>
      <span class="kind-count">{count(times)}</span>
    </button>
  );
  const sorted = [...codes].sort(([, a], [, b]) => sum(b) - sum(a)).slice(0, MOST_CODES);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: on a phone it scrolls, and keys must be able to
    // biome-ignore lint/a11y/useSemanticElements: a fieldset belongs in a form
    <div class="kinds" role="group" aria-label="Results by kind" tabIndex={0}>
      {button("All", summary.rows, null)}
      {button("Answered", summary.answered, [kind.answered])}
      {button("Failed", summary.failed, "failed")}
      {summary.missing > 0 &&
        button(session.live.value ? "Still to come" : "Without a result", summary.missing, [kind.missing])}
      {summary.unreadable > 0 && button("Unreadable", summary.unreadable, [kind.unreadable])}
      {summary.replaced > 0 && button("Replaced by a later one", summary.replaced, [kind.replaced])}
      {sorted.map(([code, groups]) => {
        const all = kindsOf(groups);
        const isOpen = Array.isArray(chosen) && chosen.some((one) => all.includes(one));
        const texts = [...groups].sort((a, b) => b.count - a.count).slice(0, MOST_CODES);
        return [
          button(code, sum(groups), all, "of-code"),
          ...(isOpen && groups.length > 1
            ? texts.map((group) => button(group.message || "–", group.count, [group.kind], "of-text"))
            : []),
        ];
      })}
    </div>
  );
}

function Search({ session }: { session: ResultsSession }) {
  const id = useId();
  const typing = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(typing.current), []);
  const { text } = session.filter.value;
  const { count: found, searched, of } = session.shown.value;
  const isSearching = text !== "" && searched < of;
  const isMoving = isSearching || session.phase.value === "running";
  return (
    <div class="search">
      <label class="hidden" for={id}>
        Search IDs, answers and errors
      </label>
      <input
        id={id}
        type="search"
        placeholder="ID or text"
        defaultValue={text}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => {
          const wanted = event.currentTarget.value;
          const look = () => session.show({ kinds: session.filter.value.kinds, text: wanted });
          clearTimeout(typing.current);
          typing.current = setTimeout(look, TYPING_MS);
        }}
      />
      <span class="muted shown-count" aria-live={isMoving ? "off" : "polite"}>
        {count(found)} shown{isSearching && `, ${percent(searched, of)} searched`}
      </span>
    </div>
  );
}
