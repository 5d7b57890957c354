/** Where a file comes in: dropped, chosen, pasted, or an example. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Failure } from "../failure.tsx";
import { takeFiles } from "../results/choose-results.tsx";
import { route } from "../route.ts";
import { example } from "./example.ts";
import { settings } from "./options.tsx";
import { begin, chooseFailure, session } from "./session.ts";

const dragging = signal(false);
const pasting = signal(false);

function check(blob: Blob, name: string): void {
  pasting.value = false;
  void begin({ blob, name }, settings.value);
}

/** Files may be dropped anywhere on the page, and text or files pasted wherever nothing else takes them. */
export function useDrop(): void {
  useEffect(() => {
    let inside = 0;
    const files = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const enter = (event: DragEvent) => {
      if (!files(event)) return;
      inside++;
      dragging.value = true;
    };
    const leave = (event: DragEvent) => {
      if (!files(event)) return;
      inside = Math.max(0, inside - 1);
      dragging.value = inside > 0;
    };
    const over = (event: DragEvent) => {
      if (files(event)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      if (!files(event)) return;
      event.preventDefault();
      inside = 0;
      dragging.value = false;
      const file = event.dataTransfer?.files[0];
      if (!file) return;
      if (route.value.view === "results") {
        takeFiles(event.dataTransfer?.files ?? []);
        return;
      }
      if (location.hash !== "" && location.hash !== "#/") location.hash = "#/";
      check(file, file.name);
    };
    const paste = (event: ClipboardEvent) => {
      const at = event.target as Element | null;
      if (at?.closest("input, textarea, select") || session.peek() || route.value.view !== "check") return;
      const file = event.clipboardData?.files[0];
      const text = event.clipboardData?.getData("text/plain") ?? "";
      if (file) check(file, file.name);
      else if (text.trimStart().startsWith("{")) check(new Blob([text]), "pasted.jsonl");
    };
    const listeners = { dragenter: enter, dragleave: leave, dragover: over, drop, paste } as const;
    for (const [name, listener] of Object.entries(listeners))
      addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of Object.entries(listeners))
        removeEventListener(name, listener as EventListener);
    };
  }, []);
}

/** A veil over the page while a file hovers above it. */
export function DropVeil() {
  return dragging.value ? (
    <div class="veil" aria-hidden="true">
      <p>{route.value.view === "results" ? "Drop to read" : "Drop to check"}</p>
    </div>
  ) : null;
}

/** A button that opens the file dialog. */
export function ChooseButton({ label, primary = false }: { label: string; primary?: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class={primary ? "primary" : ""} onClick={() => input.current?.click()}>
        {label}
      </button>
      <input
        ref={input}
        type="file"
        class="file-input"
        tabIndex={-1}
        aria-hidden="true"
        accept=".jsonl,.ndjson,.json,.txt,.csv,.tsv,.gz,text/csv,application/jsonl,application/x-ndjson,application/gzip"
        onChange={(event) => {
          const chosen = event.currentTarget.files?.[0];
          if (chosen) check(chosen, chosen.name);
          // The same file may be chosen again.
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}

export function Choose() {
  return (
    <section class="choose" aria-label="Choose a file">
      <svg class="choose-icon" viewBox="0 0 48 48" aria-hidden="true">
        <path d="M24 31V9m0 0-8 8m8-8 8 8M9 30v7a3 3 0 0 0 3 3h24a3 3 0 0 0 3-3v-7" />
      </svg>
      <p class="choose-main">Drop a batch file here</p>
      <p class="muted">.jsonl or .jsonl.gz of any size, or a CSV, JSON or text file to convert</p>
      <div class="buttons">
        <ChooseButton label="Choose a file" primary />
        <button type="button" aria-expanded={pasting.value} onClick={() => (pasting.value = !pasting.value)}>
          Paste text
        </button>
        <button type="button" onClick={() => check(new Blob([example()]), "example.jsonl")}>
          Try an example
        </button>
      </div>
      {pasting.value && <Paste />}
      <Failure text={chooseFailure.value} />
    </section>
  );
}

function Paste() {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus(), []);
  return (
    <form
      class="paste"
      onSubmit={(event) => {
        event.preventDefault();
        check(new Blob([area.current?.value ?? ""]), "pasted.jsonl");
      }}
    >
      <label for="pasted">Lines of a batch file</label>
      <textarea
        id="pasted"
        ref={area}
        rows={8}
        spellcheck={false}
        autocapitalize="none"
        placeholder={'{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {…}}'}
      />
      <div class="buttons">
        <button type="submit" class="primary">
          Check this text
        </button>
      </div>
    </form>
  );
}
