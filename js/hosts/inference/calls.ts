/** A model server for those who pass calls on: its inference, and any call of its API as it stands. */

import { secretsOf } from "../../core/secrets.ts";
import type { Inference } from "../../core/types.ts";
import { joinUrl, parseBaseUrl } from "./base-url.ts";
import { checkKey, type FetchInferenceOptions, fetchInference } from "./fetch.ts";
import { patientFetch } from "./patient-fetch.ts";

/** One call, as it is to be sent. */
export interface CallInit {
  method: "GET" | "POST";
  headers: Headers;
  body: Uint8Array | ReadableStream<Uint8Array> | null;
  signal: AbortSignal;
}

export interface Calls extends Inference {
  /** Calls a path of the API, such as `/v1/models`. The answer is as it came; redirects are not followed. */
  call(path: string, init: CallInit): Promise<Response>;
  /** Values that the server is sent, and nobody else is to see. */
  readonly secrets: readonly string[];
}

/** Both by `fetch`. The options' key and headers are sent with every call, and win over the call's own. */
export function fetchCalls(options: FetchInferenceOptions): Calls {
  const { apiKey, headers: own = {}, fetch = patientFetch() } = options;
  const base = parseBaseUrl(options.baseUrl);
  return {
    infer: fetchInference(options).infer,
    secrets: secretsOf(apiKey, own),
    async call(path, { method, headers: given, body, signal }) {
      const headers = new Headers(given);
      if (apiKey !== undefined) headers.set("authorization", `Bearer ${checkKey(apiKey)}`);
      for (const [name, value] of Object.entries(own)) headers.set(name, value);
      const init = { method, headers, body: body as BodyInit | null, redirect: "manual", signal } as const;
      // A stream is sent as it comes, before there is an answer.
      const duplex = body instanceof ReadableStream ? { duplex: "half" } : {};
      return fetch(joinUrl(base, path), { ...init, ...duplex });
    },
  };
}
