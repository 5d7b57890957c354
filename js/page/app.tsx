/** The page's frame. */
import { useEffect, useRef } from "preact/hooks";
import { announcement } from "./announce.ts";
import { BatchView } from "./batches/batch-view.tsx";
import { BatchesView } from "./batches/batches-view.tsx";
import { WebhooksView } from "./batches/webhooks-view.tsx";
import { CheckView } from "./check/check-view.tsx";
import { DropVeil, useDrop } from "./check/choose.tsx";
import { ResultsView } from "./results/results-view.tsx";
import { route } from "./route.ts";
import { theme, turnTheme } from "./theme.ts";

const titles = {
  check: "Check a batch file",
  results: "Results",
  batches: "Batches",
  batch: "Batches",
  webhooks: "Webhooks",
};

export function App() {
  useDrop();
  const { view } = route.value;
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = `${titles[view]} · edgebatch`;
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
    scrollTo(0, 0);
  }, [view]);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <header>
        <a class="brand" href="#/">
          edgebatch
        </a>
        <nav aria-label="Views">
          <a href="#/" aria-current={view === "check" ? "page" : undefined}>
            Check a file
          </a>
          <a href="#/results" aria-current={view === "results" ? "page" : undefined}>
            Results
          </a>
          <a href="#/batches" aria-current={/^(batch|web)/.test(view) ? "page" : undefined}>
            Batches
          </a>
        </nav>
        <button
          type="button"
          class="theme"
          onClick={turnTheme}
          aria-label={`Use ${theme.value === "dark" ? "light" : "dark"} colours`}
        >
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <circle cx="12" cy="12" r="8" />
            <path d="M12 4a8 8 0 0 1 0 16Z" />
          </svg>
        </button>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {/* Kept when another view is shown: a check continues, and its results stay. */}
        <div hidden={view !== "check"}>
          <CheckView />
        </div>
        {view === "results" && <ResultsView />}
        {view === "batches" && <BatchesView />}
        {view === "webhooks" && <WebhooksView />}
        {route.value.view === "batch" && <BatchView key={route.value.id} id={route.value.id} />}
      </main>
      <div class="hidden" role="status" aria-live="polite">
        {announcement.value}
      </div>
      <DropVeil />
    </>
  );
}
