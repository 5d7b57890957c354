/** Asks once more before what cannot be undone. */
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

/** A modal dialog whose focus is on "No". Closing it gives the focus back to the button that opened it. */
export function Confirm(props: {
  title: string;
  children: ComponentChildren;
  no: string;
  yes: string;
  closed: () => void;
  confirmed: () => void;
}) {
  const { title, children, no, yes, closed, confirmed } = props;
  const ids = { title: useId(), text: useId() };
  const dialog = useRef<HTMLDialogElement>(null);
  const safe = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    dialog.current?.showModal();
    // Nor does the second click of a double click take the focus away.
    dialog.current?.addEventListener("mousedown", (event) => event.detail > 1 && event.preventDefault());
    safe.current?.focus();
  }, []);
  return (
    <dialog
      ref={dialog}
      role="alertdialog"
      aria-labelledby={ids.title}
      aria-describedby={ids.text}
      onClose={closed}
    >
      <h2 id={ids.title}>{title}</h2>
      <p id={ids.text}>{children}</p>
      <div class="buttons">
        {/* The second click of a double click, wherever it lands, answers nothing. */}
        <button type="button" ref={safe} onClick={(event) => event.detail < 2 && dialog.current?.close()}>
          {no}
        </button>
        <button type="button" class="danger" onClick={(event) => event.detail < 2 && confirmed()}>
          {yes}
        </button>
      </div>
    </dialog>
  );
}
