/**
 * `echo-1`, the embedded model: a model server without a model, so that everything runs at once and offline.
 *
 * It behaves as a server of OpenAI's API does: it checks the body, answers what is wrong with 400 and an error
 * envelope, and reports usage. It echoes the prompt, and it is a pure function: the same request gives the
 * same bytes, ids and time included. A token is four UTF-16 units, the last of a text may be shorter; of a prompt given
 * as numbers each is a token.
 */

import { checkNames } from "../../core/options.ts";
import type { Inference, Models } from "../../core/types.ts";

/** Options of {@link echoInference}. */
export interface EchoInferenceOptions {
  /** Time that each answer takes. Default 0, which sets no timer. */
  latencyMs?: number;
  /** The name it answers to. Default `echo-1`. */
  model?: string;
}

/** The models of {@link echoInference}: `echo-1` alone. */
export const echoModels: Models = { has: async (model) => model === "echo-1" };

/** Takes every model: for servers that choose by themselves, and answer for unknown ones. */
export const anyModel: Models = { has: async () => true };

let answers: typeof import("./echo/answer.ts") | undefined;

/** The embedded model `echo-1`. */
export function echoInference(options: EchoInferenceOptions = {}): Inference {
  checkNames(options, { latencyMs: true, model: true }, "echoInference");
  const { latencyMs = 0, model = "echo-1" } = options;
  return {
    async infer(request, signal) {
      signal.throwIfAborted();
      if (latencyMs > 0) await pause(latencyMs, signal);
      // Loaded when it is first asked: most programs have a model of their own.
      answers ??= await import("./echo/answer.ts");
      return answers.answer(request, model);
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
