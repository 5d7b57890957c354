/** A request, changed so that its answer comes as a stream. */

import { concat } from "../../../core/bytes.ts";
import { type Member, members, textOf } from "./members.ts";

/** Kinds of streams: chunks of choices, or events that end with the whole response. */
export type StreamKind = "chat" | "completions" | "responses";

export interface AsStream {
  kind: StreamKind;
  body: Uint8Array;
  /** Choices that the request names. */
  choices: number;
}

/**
 * Null where the answer has to come in one piece: other endpoints, and requests for what servers refuse to stream, or leave
 * out of a stream. The body stays byte for byte as it is, but for the members that say how it is to be answered.
 */
export function asStream(url: string, body: Uint8Array): AsStream | null {
  const kind = kindOf(url);
  const top = kind && members(body);
  if (!kind || !top) return null;
  const value = ({ from, to }: Member) => textOf(body.subarray(from, Math.min(to, from + 32)));
  if (top.found.some((member) => wholeOnly.has(member.name) && !isOff(value(member)))) return null;
  const n = top.found.findLast(({ name }) => name === "n");
  const streamed = withMember(body, "stream", () => "true");
  return {
    kind,
    choices: (n && Number(value(n))) || 1,
    body:
      kind === "responses"
        ? streamed
        : withMember(streamed, "stream_options", (old) =>
            textOf(old && members(old) ? withMember(old, "include_usage", () => "true") : usageOption),
          ),
  };
}

function kindOf(url: string): StreamKind | null {
  const [, path] = /\/(chat\/completions|completions|responses)$/.exec(url) ?? [];
  if (path === undefined) return null;
  return path === "chat/completions" ? "chat" : (path as StreamKind);
}

/**
 * What asks for more than a stream has. `best_of` and beam search choose at the end; `audio` has formats that cannot be
 * streamed; the others are answers' members that vLLM and SGLang have only in whole answers.
 */
const wholeOnly = new Set([
  ...["best_of", "use_beam_search", "audio", "background"],
  ...["prompt_logprobs", "kv_transfer_params", "return_hidden_states", "return_routed_experts"],
]);

const isOff = (json: string): boolean => json === "null" || json === "false";

const encoder = new TextEncoder();
const usageOption = encoder.encode('{"include_usage":true}');

/** The object with a member set, in place where it is there, and else in front, with all other bytes as they are. */
function withMember(json: Uint8Array, name: string, value: (old: Uint8Array | null) => string): Uint8Array {
  const top = members(json);
  if (!top) return json;
  const { open, found } = top;
  const there = found.filter((member) => member.name === name);
  if (there.length === 0) {
    const added = encoder.encode(`"${name}":${value(null)}${found.length > 0 ? "," : ""}`);
    return concat([json.subarray(0, open + 1), added, json.subarray(open + 1)]);
  }
  const parts: Uint8Array[] = [];
  let done = 0;
  for (const { from, to } of there) {
    parts.push(json.subarray(done, from), encoder.encode(value(json.subarray(from, to))));
    done = to;
  }
  return concat([...parts, json.subarray(done)]);
}
