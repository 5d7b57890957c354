/** A button that opens the file dialog for results. */
import { useRef } from "preact/hooks";
import { addResults } from "./session.ts";

/** As the file dialog or a drop gives them. */
export function takeFiles(files: Iterable<File>): void {
  addResults([...files].map((blob) => ({ name: blob.name, blob })));
}

export function ChooseResults({ label, primary = false }: { label: string; primary?: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class={primary ? "primary" : ""} onClick={() => input.current?.click()}>
        {label}
      </button>
      <input
        ref={input}
        type="file"
        multiple
        class="file-input results-input"
        tabIndex={-1}
        aria-hidden="true"
        onChange={(event) => {
          takeFiles(event.currentTarget.files ?? []);
          // The same file may be chosen again.
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}
