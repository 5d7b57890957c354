/** Opens a batch's input file in the page's own checker, or saves it. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Batch } from "../../core/types.ts";
import { settings } from "../check/options.tsx";
import { begin } from "../check/session.ts";
import { Failure } from "../failure.tsx";
import { bytes } from "../format.ts";
import type { Connection } from "./connection.ts";
import { download } from "./download.ts";

export function CheckInput({ to, batch, name }: { to: Connection; batch: Batch; name: string | null }) {
  const [got, setGot] = useState<number | null>(null);
  const [failure, setFailure] = useState("");
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const open = async () => {
    const stop = new AbortController();
    running.current = stop;
    setFailure("");
    setGot(0);
    try {
      const blob = await download(to, batch.input_file_id, setGot, stop.signal);
      const checked = begin(
        { blob, name: name ?? `${batch.input_file_id}.jsonl` },
        { ...settings.value, endpoint: batch.endpoint },
      );
      location.hash = "#/";
      await checked;
    } catch (error) {
      if (!stop.signal.aborted) setFailure((error as Error).message);
    }
    setGot(null);
  };
  return (
    <>
      <button
        type="button"
        class={batch.status === "failed" ? "primary" : ""}
        onClick={() => (got === null ? void open() : running.current?.abort())}
      >
        {got === null ? "Check the input file" : `Fetching: ${bytes(got)}, stop`}
      </button>
      <Failure text={failure} />
    </>
  );
}
