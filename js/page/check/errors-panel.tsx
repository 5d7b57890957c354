/** Errors by kind, the list of them, and the line one of them is on. */
import { useId } from "preact/hooks";
import { count } from "../format.ts";
import { advice } from "./advice.ts";
import { ErrorList } from "./error-list.tsx";
import { LineView } from "./line-view.tsx";
import { listed, type Session } from "./session.ts";

export function ErrorsPanel({ session }: { session: Session }) {
  const found = session.counts.value?.errorCount ?? 0;
  if (found === 0) {
    const text =
      session.phase.value === "running"
        ? "No errors so far."
        : session.phase.value === "done"
          ? "No errors."
          : "No errors had been found by then.";
    return <p class="empty">{text}</p>;
  }
  const beyond = listed(session);
  return (
    <div class="errors">
      <Kinds session={session} />
      <div class="errors-listed">
        <Search session={session} />
        <ErrorList session={session} />
        <p class="muted list-note">{beyond || "Choose one to see its line."}</p>
      </div>
      <LineView session={session} />
    </div>
  );
}

function Kinds({ session }: { session: Session }) {
  const codes = session.statistics.value?.codes ?? [];
  const total = session.counts.value?.errorCount ?? 0;
  const { code: chosen, text } = session.errors.filter.value;
  const choose = (code: string | null) => {
    session.errors.filter.value = { code, text };
  };
  const sorted = [...codes].sort((a, b) => b.count - a.count);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: on a phone it scrolls, and keys must be able to
    // biome-ignore lint/a11y/useSemanticElements: a fieldset belongs in a form
    <div class="kinds" role="group" aria-label="Errors by kind" tabIndex={0}>
      <button type="button" class="kind" aria-pressed={chosen === null} onClick={() => choose(null)}>
        <span class="kind-title">All errors</span>
        <span class="kind-count">{count(total)}</span>
      </button>
      {sorted.map(({ name, count: times }) => (
        <button
          type="button"
          key={name}
          class="kind"
          aria-pressed={chosen === name}
          onClick={() => choose(chosen === name ? null : name)}
        >
          <span class="kind-title">
            {advice(name).title}
            <code>{name}</code>
          </span>
          <span class="kind-count">{count(times)}</span>
        </button>
      ))}
    </div>
  );
}

function Search({ session }: { session: Session }) {
  const id = useId();
  const { code, text } = session.errors.filter.value;
  return (
    <div class="search">
      <label class="hidden" for={id}>
        Filter by text, field or line
      </label>
      <input
        id={id}
        type="search"
        placeholder="Text, field or line"
        value={text}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => {
          session.errors.filter.value = { code, text: event.currentTarget.value };
        }}
      />
      <span class="muted shown-count" aria-live="polite">
        {count(session.errors.shown.value.count)} shown
      </span>
    </div>
  );
}
