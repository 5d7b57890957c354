/** Results: choose files, or look at those that are open. */
import { useEffect, useRef } from "preact/hooks";
import { Failure } from "../failure.tsx";
import { fetching, stopFetching } from "./batch-files.ts";
import { ChooseResults } from "./choose-results.tsx";
import { OpenedResults } from "./opened.tsx";
import { openFailure, resultsSession } from "./session.ts";

export function ResultsView() {
  const session = resultsSession.value;
  const fetched = fetching.value;
  const started = session !== null;
  const was = useRef(started);
  // The button that was pressed is gone: the keyboard continues at the top of what replaced it.
  useEffect(() => {
    if (was.current !== started) document.getElementById("main")?.focus({ preventScroll: true });
    was.current = started;
  }, [started]);
  const failure = openFailure.value;
  const notices = (
    <>
      {fetched && (
        <p class="notice" role="status">
          Fetching {fetched.what}: {fetched.got}{" "}
          <button type="button" class="link" onClick={stopFetching}>
            Stop
          </button>
        </p>
      )}
      <Failure text={failure} />
    </>
  );
  if (session)
    return (
      <>
        <h1 class="hidden">Results of a batch</h1>
        {notices}
        <OpenedResults key={session.id} session={session} />
      </>
    );
  return (
    <div class="start">
      <h1>Read the results of a batch</h1>
      <p class="lead">
        Read the answers, see errors by kind, and the tokens used.{" "}
        <b>Nothing is sent: the files stay on this device.</b>
      </p>
      {notices}
      <section class="choose" aria-label="Choose files">
        <svg class="choose-icon" viewBox="0 0 48 48" aria-hidden="true">
          <path d="M8 12h32M8 22h32M8 32h14m4 4 5 5 9-10" />
        </svg>
        <p class="choose-main">Drop output and error files here</p>
        <p class="muted">
          .jsonl or .jsonl.gz, of any size. Add the input to see each request beside its answer.
        </p>
        <div class="buttons">
          <ChooseResults label="Choose files" primary />
        </div>
      </section>
    </div>
  );
}
