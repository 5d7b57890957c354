/** How a batch file is made of another file, with its first lines as it would be. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ConvertOptions } from "../../core/convert.ts";
import { endpoints } from "../../core/rules.ts";
import type { Session } from "../check/session.ts";
import { percent } from "../format.ts";
import type { Preview } from "./protocol.ts";

type Field = "model" | "customId" | "prompt" | "system" | "extra" | "template";

const fields: [name: Field, label: string, placeholder: string, isLong?: true][] = [
  ["model", "Model", "such as gpt-4o-mini"],
  ["customId", "custom_id", "column custom_id or id, else the row number"],
  ["prompt", "Prompt", "the most likely column", true],
  ["system", "System text", "none", true],
  ["extra", "Extra body fields (JSON)", '{"temperature": 0}'],
  ["template", "Or the whole body (JSON)", '{"messages": "{column:json}"}'],
];

export function ConvertForm({ session, columns }: { session: Session; columns: string[] }) {
  const { conversion, file } = session;
  const options = useSignal<ConvertOptions>({ endpoint: Object.keys(endpoints)[0] });
  useEffect(() => conversion.show(options.value), [conversion, options.value]);
  const set = (name: keyof ConvertOptions, value: string) => {
    options.value = { ...options.value, [name]: value === "" ? undefined : value };
  };
  const preview = conversion.preview.value;
  const writing = conversion.writing.value;
  const ready = writing === null && (preview?.lines.length ?? 0) > 0;
  return (
    <form
      class="card convert"
      aria-label="Convert"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) conversion.start(options.value);
      }}
    >
      <h3>Convert to a batch file</h3>
      <p class="muted">
        Columns: {columns.length > 0 ? columns.map((name) => `{${name}}`).join(", ") : "none"}. In these
        fields, a column’s name in braces stands for the row’s value, and {"{#}"} for the row number.
      </p>
      <div class="options">
        <div class="options-main">
          <label>
            <span>Endpoint</span>
            <select
              value={options.value.endpoint}
              onChange={(event) => set("endpoint", event.currentTarget.value)}
            >
              {Object.keys(endpoints).map((path) => (
                <option key={path}>{path}</option>
              ))}
            </select>
          </label>
          {fields.map(([name, label, placeholder, isLong]) =>
            isLong ? (
              <label key={name}>
                <span>{label}</span>
                <textarea
                  rows={2}
                  placeholder={placeholder}
                  onInput={(event) => set(name, event.currentTarget.value)}
                />
              </label>
            ) : (
              <label key={name}>
                <span>{label}</span>
                <input
                  type="text"
                  spellcheck={false}
                  autocapitalize="none"
                  placeholder={placeholder}
                  onInput={(event) => set(name, event.currentTarget.value)}
                />
              </label>
            ),
          )}
        </div>
      </div>
      <First preview={preview} named={options.value.model !== undefined} />
      <div class="buttons">
        <button type="submit" class="primary" disabled={!ready}>
          Convert and check
        </button>
        {writing !== null && <span role="status">Converting: {percent(writing, file.blob.size)}</span>}
      </div>
      {conversion.failure.value && (
        <p class="notice bad" role="alert">
          {conversion.failure.value}
        </p>
      )}
    </form>
  );
}

/** The first lines, or why there are none. */
function First({ preview, named }: { preview: Preview | null; named: boolean }) {
  const refused = preview?.refused;
  if (refused?.param === "model" && !named) return <p class="muted">Name a model to see the first lines.</p>;
  return (
    <div aria-live="polite">
      {refused && <p class="notice bad">{refused.message}</p>}
      {preview && preview.lines.length > 0 && (
        <figure>
          <figcaption class="muted">The first lines</figcaption>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must be able to */}
          <pre tabIndex={0}>{preview.lines.join("\n")}</pre>
        </figure>
      )}
      {preview?.errors.map(({ line, message }) => (
        <p class="notice bad" key={`${line} ${message}`}>
          {line === null ? message : `Line ${line}: ${message}`} It will be left out.
        </p>
      ))}
    </div>
  );
}
