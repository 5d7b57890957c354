/** A file that is no batch file, with what can be done about it. */
import { ChooseButton } from "../check/choose.tsx";
import { settings } from "../check/options.tsx";
import { begin, leave, type Session } from "../check/session.ts";
import { bytes } from "../format.ts";
import { addResults } from "../results/session.ts";
import { VerdictBox } from "../verdict-box.tsx";
import { sentence } from "./conversion.ts";
import { ConvertForm } from "./convert-form.tsx";

export function OtherFile({ session }: { session: Session }) {
  const { file, conversion } = session;
  const other = conversion.other.value;
  if (!other) return null;
  const { remedy } = other.found;
  return (
    <>
      <VerdictBox kind="bad">
        {sentence(other.found)}
        {remedy === "convert" && " It can be converted into one."}
        {remedy === "unpack" && " Unpack it, and choose the file inside."}
      </VerdictBox>
      <section class="file" aria-label="The file">
        <div class="file-head">
          <h2 class="file-name">{file.name}</h2>
          <span class="muted">{bytes(file.blob.size)}</span>
          <div class="buttons">
            {remedy === "read" && (
              <button
                type="button"
                class="primary"
                onClick={() => {
                  addResults([file]);
                  location.hash = "#/results";
                }}
              >
                Open in Results
              </button>
            )}
            <button type="button" onClick={() => void begin({ ...file, asIs: true }, settings.value)}>
              Check it anyway
            </button>
            <ChooseButton label="Another file" />
            <button type="button" onClick={leave}>
              Close
            </button>
          </div>
        </div>
      </section>
      {remedy === "convert" && <ConvertForm session={session} columns={other.columns} />}
    </>
  );
}
