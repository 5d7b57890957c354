/** Uploads a file with progress: at once if it is small, else in parts of which a failed one is sent again. */
import { CallError, cancelUpload, completeUpload, createUpload, headers, noAnswer, refusal } from "./api.ts";
import type { Connection } from "./connection.ts";

/** Up to here in one call: most servers and their proxies take so much. */
const AT_ONCE = 64 * 1024 * 1024;
const PART = 32 * 1024 * 1024;
const TRIES = 4;

/** The id of the uploaded file. `sent` hears of bytes as they go. */
export async function upload(
  to: Connection,
  file: Blob,
  name: string,
  sent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<string> {
  if (file.size <= AT_ONCE) {
    const form = new FormData();
    form.append("purpose", "batch");
    form.append("file", file, name);
    const answer = await post(to, "/files", form, (bytes) => sent(Math.min(bytes, file.size)), signal);
    return idIn(answer);
  }
  const { id } = await createUpload(to, name, file.size);
  try {
    const parts: string[] = [];
    for (let from = 0; from < file.size; from += PART) {
      const part = file.slice(from, from + PART);
      const tell = (bytes: number) => sent(from + Math.min(bytes, part.size));
      parts.push(await sendPart(to, id, part, tell, signal));
    }
    return (await completeUpload(to, id, parts)).file.id;
  } catch (error) {
    // What was sent is of no more use. Should this fail too, the server lets it expire.
    await cancelUpload(to, id).catch(() => {});
    throw error;
  }
}

async function sendPart(
  to: Connection,
  id: string,
  part: Blob,
  sent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<string> {
  for (let tries = 1; ; tries++) {
    const form = new FormData();
    form.append("data", part, "part");
    try {
      return idIn(await post(to, `/uploads/${encodeURIComponent(id)}/parts`, form, sent, signal));
    } catch (error) {
      const passing = error instanceof CallError && (error.status === 0 || error.status >= 500);
      if (!passing || tries === TRIES || signal.aborted) throw error;
      await new Promise((next) => setTimeout(next, 500 * 2 ** tries));
    }
  }
}

function idIn(answer: string): string {
  const { id } = JSON.parse(answer) as { id?: unknown };
  if (typeof id === "string") return id;
  throw new CallError("The server took the file and did not say its id.");
}

/** Only XMLHttpRequest tells how much of a body was sent. */
function post(
  to: Connection,
  path: string,
  body: FormData,
  sent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.addEventListener("abort", abort, { once: true });
    request.open("POST", to.base + path);
    for (const [name, value] of Object.entries(headers(to))) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => sent(event.loaded);
    request.onload = () => {
      const { status, responseText } = request;
      if (status >= 200 && status < 300) resolve(responseText);
      else reject(refusal(status, responseText));
    };
    request.onerror = () => reject(noAnswer(to.base));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    request.onloadend = () => signal.removeEventListener("abort", abort);
    if (signal.aborted) reject(new DOMException("stopped", "AbortError"));
    else request.send(body);
  });
}
