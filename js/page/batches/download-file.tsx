/** A button that downloads a file of a batch, with how far it is. */
import { useEffect, useRef, useState } from "preact/hooks";
import { bytes, percent } from "../format.ts";
import { save } from "../save.ts";
import type { Connection } from "./connection.ts";
import { download } from "./download.ts";

export function DownloadFile(props: { to: Connection; fileId: string; label: string; name: string }) {
  const { to, fileId, label, name } = props;
  const [got, setGot] = useState<string | null>(null);
  const [failure, setFailure] = useState("");
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const start = async () => {
    const stop = new AbortController();
    running.current = stop;
    setFailure("");
    setGot("0%");
    try {
      const tell = (sofar: number, of: number | null) => setGot(of ? percent(sofar, of) : bytes(sofar));
      save(await download(to, fileId, tell, stop.signal), name);
    } catch (error) {
      if (!stop.signal.aborted) setFailure((error as Error).message);
    }
    setGot(null);
  };
  return (
    <span class="download">
      {got === null ? (
        <button type="button" onClick={start}>
          {label}
        </button>
      ) : (
        <button type="button" onClick={() => running.current?.abort()}>
          {label}: {got}, stop
        </button>
      )}
      {failure && (
        <span class="notice bad" role="alert">
          {failure}
        </span>
      )}
    </span>
  );
}
