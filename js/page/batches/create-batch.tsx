/** From a checked file to a running batch in one click. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { announce } from "../announce.ts";
import type { Session } from "../check/session.ts";
import { Failure } from "../failure.tsx";
import { bytes, count, percent, plural } from "../format.ts";
import { nameBeside } from "../save.ts";
import { createBatch } from "./api.ts";
import { TokenCap } from "./budget.tsx";
import { ConnectForm } from "./connect-form.tsx";
import { type Connection, connection } from "./connection.ts";
import { learnFeatures, mayCap } from "./features.ts";
import { upload } from "./upload.ts";

type Step =
  | { name: "connect" }
  | { name: "preparing" }
  | { name: "uploading"; sent: number; total: number; part: string }
  | { name: "creating" }
  | { name: "failed"; message: string };

export function CreateBatch({ session }: { session: Session }) {
  const [step, setStep] = useState<Step | null>(null);
  const cap = useSignal("");
  const stop = useRef<AbortController | null>(null);
  // With its file put away, an upload ends.
  useEffect(() => () => stop.current?.abort(), []);
  const counts = session.counts.value;
  const good = counts?.validCount ?? 0;
  const batches = Math.ceil(good / session.settings.maxRequests);
  const flawless = counts?.errorCount === 0;
  const ready = session.phase.value === "done" && good > 0;
  const busy = step !== null && step.name !== "failed" && step.name !== "connect";

  const run = async (to: Connection) => {
    const ends = new AbortController();
    stop.current = ends;
    try {
      setStep({ name: "preparing" });
      const tokens = Math.floor(Number(cap.value));
      if (tokens > 0) await learnFeatures(to);
      if (tokens > 0 && !mayCap(to)) {
        cap.value = "";
        throw new Error(
          "This server cannot stop a batch at a number of tokens. Click again to create it without.",
        );
      }
      const files = await inputs(session, flawless);
      if (!files || ends.signal.aborted) return setStep(null);
      let last = "";
      for (const [i, { blob, name, key }] of files.entries()) {
        const part = files.length > 1 ? `file ${i + 1} of ${files.length}, ` : "";
        const tell = (sent: number) => setStep({ name: "uploading", sent, total: blob.size, part });
        tell(0);
        const fileId = await upload(to, blob, name, tell, ends.signal);
        if (ends.signal.aborted) return;
        setStep({ name: "creating" });
        const made = await createBatch(to, { fileId, endpoint: session.endpoint.value, key, tokens });
        last = made.id;
      }
      setStep(null);
      announce("The batch was created.");
      location.hash = files.length > 1 ? "#/batches" : `#/batches/${last}`;
    } catch (error) {
      if (ends.signal.aborted) setStep(null);
      else setStep({ name: "failed", message: (error as Error).message });
    }
  };

  const start = () => {
    const to = connection.value;
    if (to) void run(to);
    else setStep({ name: "connect" });
  };
  const cancel = () => {
    stop.current?.abort();
    session.stopWriting();
    setStep(null);
  };
  return (
    <div class="create">
      <button
        type="button"
        class={flawless ? "primary" : ""}
        disabled={!ready || busy}
        aria-expanded={step?.name === "connect"}
        onClick={start}
      >
        {flawless || !ready
          ? "Upload and create a batch"
          : `Create ${batches > 1 ? `${count(batches)} batches` : "a batch"} from the ${plural(good, "good line")}`}
      </button>
      {ready && !busy && <TokenCap tokens={cap} />}
      {step?.name === "connect" && (
        <div class="card">
          <ConnectForm connected={(to) => void run(to)} />
        </div>
      )}
      {busy && (
        <div class="notice">
          <span>{words(step)}</span>
          <progress
            max={1}
            {...(step.name === "uploading" ? { value: step.sent / Math.max(1, step.total) } : {})}
            aria-label="Upload"
          />
          <button type="button" class="link" onClick={cancel}>
            Stop
          </button>
        </div>
      )}
      <Failure text={step?.name === "failed" ? step.message : ""} />
    </div>
  );
}

function words(step: Step): string {
  if (step.name === "preparing") return "Preparing the file…";
  if (step.name === "creating") return "Creating the batch…";
  if (step.name !== "uploading") return "";
  const { part, sent, total } = step;
  return `Uploading ${part}${percent(sent, total)} of ${bytes(total)}`;
}

/** What is to be uploaded: the file itself if it has no errors, else new ones made from it. */
async function inputs(session: Session, flawless: boolean) {
  const { file } = session;
  const bytesInside = session.counts.value?.bytes ?? file.blob.size;
  const packed = bytesInside !== file.blob.size;
  const key = () => crypto.randomUUID();
  if (flawless && !packed) return [{ blob: file.blob, name: nameBeside(file.name, ".jsonl"), key: key() }];
  const files = await session.written(flawless ? "all" : "good");
  const ending = (i: number) => (flawless ? ".jsonl" : i === 0 ? "-good.jsonl" : `-good-${i + 1}.jsonl`);
  return files?.map(({ blob }, i) => ({ blob, name: nameBeside(file.name, ending(i)), key: key() }));
}
