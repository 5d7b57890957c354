/** Passes a call on to a model server, and its answer back as it comes. */

import { bytesWithoutSecrets } from "../../core/secrets.ts";
import { readWhole } from "./bytes.ts";
import { failed } from "./failed.ts";
import type { Gate, Pool, Taken } from "./gate.ts";
import { answerHeaders, requestHeaders } from "./headers.ts";
import type { CallEnd, Clock, OnCall, PassedCall } from "./types.ts";

/** Answers that say what went wrong are looked at for keys that they must not hold, up to so many bytes. */
const MOST_ERROR_BYTES = 64 * 1024;

/** What a call is passed through. */
export interface Passage {
  readonly gate: Gate;
  readonly clock: Clock;
  readonly onCall: OnCall | undefined;
  /** Whether a call counts until its whole answer has gone through. */
  readonly tracked: boolean;
  /** Takes a place for it. */
  enter(call: PassedCall, pool: Pool): Promise<Taken>;
}

export async function passThrough(passage: Passage, call: PassedCall, pool: Pool): Promise<Response> {
  let taken: Taken;
  try {
    taken = await passage.enter(call, pool);
  } catch {
    return failed(503, "The model server is busy. Please try again later.", { "retry-after": "1" });
  }
  return new Passing(passage, call, taken).answer();
}

/** One call under way. */
class Passing {
  readonly #passage: Passage;
  readonly #call: PassedCall;
  readonly #taken: Taken;
  readonly #control = new AbortController();
  readonly #onGone = () => this.#control.abort(this.#call.signal.reason);
  #ended: ((end: CallEnd) => void) | undefined;
  #timedOut = false;
  #stopTimer: () => void = () => {};
  #isEnded = false;
  #hasLeft = false;
  /** When something last came. */
  #heardAt: number;

  constructor(passage: Passage, call: PassedCall, taken: Taken) {
    this.#passage = passage;
    this.#call = call;
    this.#taken = taken;
    this.#heardAt = passage.clock.now();
  }

  async answer(): Promise<Response> {
    const { signal, headers, tenant, path, body } = this.#call;
    const { server } = this.#taken.state;
    if (signal.aborted) this.#onGone();
    signal.addEventListener("abort", this.#onGone, { once: true });
    this.#watchTime();
    try {
      const watch = this.#passage.onCall?.({
        kind: "interactive",
        server: server.name,
        path,
        tenant,
        headers,
      });
      this.#ended = watch?.ended;
      const sent = requestHeaders(headers);
      for (const [name, value] of Object.entries(watch?.headers ?? {})) sent.set(name, value);
      const init = { method: "POST", headers: sent, body, signal: this.#control.signal } as const;
      const answer = await server.call(path, init);
      return await this.#answered(answer);
    } catch (error) {
      return this.#failed(error);
    }
  }

  async #answered(answer: Response): Promise<Response> {
    const { status } = answer;
    const { trouble, server } = this.#taken.state;
    const { secrets = [] } = server;
    this.#end(status);
    const isRedirect = answer.type === "opaqueredirect" || (status >= 300 && status < 400 && status !== 304);
    if (isRedirect || status === 401 || status === 407) {
      answer.body?.cancel().catch(() => {});
      this.#leave();
      trouble.refused(status);
      // What a caller would take for its own: its key is right, its base URL too.
      return failed(502, isRedirect ? REDIRECTS : REFUSES);
    }
    const headers = answerHeaders(answer, secrets);
    const init = { status, statusText: answer.statusText, headers };
    if (answer.body === null) {
      this.#leave();
      return new Response(null, init);
    }
    const body = status >= 400 ? await this.#withoutSecrets(answer.body, secrets, headers) : answer.body;
    if (!this.#passage.tracked) {
      this.#leave();
      return new Response(body, init);
    }
    return new Response(this.#through(body), init);
  }

  /** An error is short; one that tells a key does so no more. */
  async #withoutSecrets(
    body: ReadableStream<Uint8Array>,
    secrets: readonly string[],
    headers: Headers,
  ): Promise<ReadableStream<Uint8Array>> {
    const length = Number(headers.get("content-length") ?? 0);
    if (secrets.length === 0 || length > MOST_ERROR_BYTES) return body;
    const whole = await readWhole(body, MOST_ERROR_BYTES);
    if (whole === undefined) throw new Error("An error of the model server is too long.");
    const shown = bytesWithoutSecrets(whole, secrets);
    if (shown !== whole) headers.delete("content-length");
    return streamOf(shown);
  }

  /** The body, as its reader takes it. Whoever stops reading stops the call. */
  #through(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const reader = body.getReader();
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          try {
            const next = await reader.read();
            this.#heardAt = this.#passage.clock.now();
            if (!next.done) return controller.enqueue(next.value);
            this.#leave();
            controller.close();
          } catch (error) {
            this.#leave();
            controller.error(error);
          }
        },
        cancel: (reason) => {
          this.#leave();
          this.#control.abort(reason);
          return reader.cancel(reason).catch(() => {});
        },
      },
      // Nothing is read ahead.
      { highWaterMark: 0 },
    );
  }

  #failed(error: unknown): Response {
    const { state } = this.#taken;
    const gone = this.#call.signal.aborted;
    const end = gone ? "aborted" : this.#timedOut ? "timeout" : "unreachable";
    this.#end(end);
    this.#leave();
    // What came of an answer that cannot be passed on.
    this.#control.abort();
    if (gone) return failed(499, "The caller has gone.");
    state.trouble.failed(end, error);
    return end === "timeout"
      ? failed(504, "The model server gave no answer in time.")
      : failed(502, "The model server could not be reached, or broke off. Please try again later.");
  }

  /** Gives the call up when nothing comes for too long: at first an answer, and then its next part. */
  #watchTime(): void {
    const { timeoutMs } = this.#taken.state.server;
    const { clock } = this.#passage;
    if (!Number.isFinite(timeoutMs)) return;
    const look = () => {
      const left = this.#heardAt + timeoutMs - clock.now();
      if (left > 0) {
        this.#stopTimer = clock.after(Math.ceil(left), look);
        return;
      }
      this.#timedOut = true;
      this.#control.abort(new DOMException("The model server took too long.", "TimeoutError"));
    };
    this.#stopTimer = clock.after(timeoutMs, look);
  }

  /** There is an answer, or there will be none. */
  #end(end: CallEnd): void {
    const { state, call } = this.#taken;
    if (this.#isEnded) return;
    this.#isEnded = true;
    state.answered(call, end, this.#passage.clock.now());
    this.#ended?.(end);
  }

  /** Nothing more of it comes. */
  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#stopTimer();
    this.#call.signal.removeEventListener("abort", this.#onGone);
    this.#taken.state.leave("interactive");
    this.#passage.gate.pump();
  }
}

const REFUSES = "The model server did not accept this server's key. Please tell its operator.";
const REDIRECTS = "The model server answered with a redirect. Please tell this server's operator.";

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}
