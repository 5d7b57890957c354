/** Check a file. */
import { useEffect, useRef } from "preact/hooks";
import { Choose } from "./choose.tsx";
import { Options } from "./options.tsx";
import { Result } from "./result.tsx";
import { session } from "./session.ts";

export function CheckView() {
  const current = session.value;
  const started = current !== null;
  const was = useRef(started);
  // The button that was pressed is gone: the keyboard continues at the top of what replaced it.
  useEffect(() => {
    if (was.current !== started) document.getElementById("main")?.focus({ preventScroll: true });
    was.current = started;
  }, [started]);
  if (current)
    return (
      <>
        <h1 class="hidden">Check a batch file</h1>
        <Result key={current.id} session={current} />
      </>
    );
  return (
    <div class="start">
      <h1>Check a batch file before you upload it</h1>
      <p class="lead">
        See in seconds whether it will be accepted, and what is wrong with which line.{" "}
        <b>Nothing is sent: the file stays on this device.</b>
      </p>
      <Choose />
      <Options />
    </div>
  );
}
