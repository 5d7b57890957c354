/** What is to be read in the body of an answer or a request, of any endpoint, in its order. */
import { objectOf, textOf } from "./record.ts";

/** A part that is read by itself. */
export type Part =
  | { form: "text"; label: string; text: string }
  | { form: "json"; label: string; value: unknown }
  /** In base64. */
  | { form: "image"; label: string; data: string };

const MOST_PARTS = 100;
/** Numbers of a vector that are shown. */
const HEAD = 8;

/** The parts of an answer; all of its body where it is of no known kind. */
export function partsOfAnswer(body: unknown): Part[] {
  const answer = objectOf(body);
  if (!answer) return body ? [of("Answer", body)] : [];
  const parts = [
    ...listOf(answer.choices).flatMap((choice, i) => choiceOf(choice, numbered("Answer", i))),
    ...listOf(answer.output).flatMap((item) => itemOf(item, "Answer")),
    ...(answer.object === "response" ? [] : contentOf(answer.content, "Answer")),
    ...listOf(answer.data).flatMap((item, i) => datumOf(item, i)),
    ...listOf(answer.results).flatMap((item, i) => judgementOf(item, numbered("Judgement", i))),
  ];
  return (parts.length > 0 ? parts : [of("Answer", answer)]).slice(0, MOST_PARTS);
}

/** The parts of a request: what was asked, and by whom. */
export function partsOfRequest(body: unknown): Part[] {
  const asked = objectOf(body) ?? {};
  const parts = [
    ...contentOf(asked.instructions, "Instructions"),
    ...contentOf(asked.system, "system"),
    ...listOf(asked.messages).flatMap((item) => itemOf(item, "message")),
    ...contentOf(asked.input, "Input"),
    ...contentOf(asked.prompt, "Prompt"),
  ];
  return (parts.length > 0 ? parts : [of("Request", body)]).slice(0, MOST_PARTS);
}

/** All texts of parts, one below the other. */
export function textOfParts(parts: Part[]): string {
  return parts
    .map((part) => {
      if (part.form === "text") return part.text;
      return part.form === "json" ? JSON.stringify(part.value) : "(image)";
    })
    .join("\n\n");
}

function choiceOf(value: unknown, label: string): Part[] {
  const choice = objectOf(value);
  return choice?.message ? itemOf(choice.message, label) : contentOf(choice?.text, label);
}

/** A message, or another item of a response. */
function itemOf(value: unknown, otherwise: string): Part[] {
  const item = objectOf(value);
  if (!item) return contentOf(value, otherwise);
  const label = item.role === "assistant" && otherwise !== "message" ? otherwise : textOf(item.role);
  const called = item.type === "function_call" ? [item] : listOf(item.tool_calls);
  const parts = [
    ...contentOf(item.reasoning_content ?? item.reasoning ?? item.summary, "Reasoning"),
    ...contentOf(item.content, label ?? otherwise),
    ...contentOf(item.refusal, "Refusal"),
    ...contentOf(objectOf(item.audio)?.transcript, "Transcript"),
    ...called.flatMap(callOf),
    ...(item.type === "image_generation_call" ? imageOf(item.result, "Image") : []),
  ];
  return parts.length > 0 ? parts : [of(label ?? textOf(item.type) ?? otherwise, item)];
}

function callOf(value: unknown): Part[] {
  const call = objectOf(value);
  const made = objectOf(call?.function) ?? call;
  const label = `Call of ${textOf(made?.name) ?? "a function"}`;
  return [of(label, made?.arguments ?? made?.input ?? made)];
}

/** A text, or a list of parts as messages have it. */
function contentOf(content: unknown, label: string): Part[] {
  if (content === null || content === undefined || content === "") return [];
  if (!Array.isArray(content)) return [of(label, content)];
  return content.flatMap((value) => {
    const part = objectOf(value);
    if (!part) return [of(label, value)];
    if (part.role) return itemOf(part, label);
    if (part.type === "tool_use") return callOf(part);
    const image = objectOf(part.image_url)?.url ?? part.image_url;
    if (typeof image === "string") return imageOf(image, "Image");
    const text = textOf(part.text) ?? textOf(part.refusal) ?? textOf(part.thinking);
    return [of(part.type === "thinking" ? "Reasoning" : label, text ?? part)];
  });
}

function datumOf(value: unknown, i: number): Part[] {
  const datum = objectOf(value);
  if (datum?.embedding) return [vectorOf(datum.embedding, numbered("Embedding", i))];
  if (!datum?.b64_json && !datum?.url) return [];
  const said = contentOf(datum.revised_prompt, "Revised prompt");
  return [...said, ...imageOf(datum.b64_json ?? datum.url, numbered("Image", i))];
}

/** Of an embedding its size and how it begins. */
function vectorOf(vector: unknown, label: string): Part {
  const [size, head] = Array.isArray(vector)
    ? [vector.length, vector.slice(0, HEAD)]
    : floats(String(vector));
  const numbers = head.map((value) => String(Math.round(Number(value) * 1e6) / 1e6));
  return { form: "text", label, text: `${size} numbers: ${numbers.join(", ")}${size > HEAD ? ", …" : ""}` };
}

/** 32-bit floats in base64: how many, and the first ones. */
function floats(base64: string): [size: number, head: number[]] {
  const head = bytesOf(base64.slice(0, Math.ceil((HEAD * 4) / 3) * 4 + 4)) ?? new Uint8Array();
  const view = new DataView(head.buffer);
  const size = Math.floor((base64.replace(/=+$/, "").length * 3) / 16);
  const numbers = Array.from({ length: Math.min(HEAD, head.length >> 2, size) }, (_, i) =>
    view.getFloat32(4 * i, true),
  );
  return [size, numbers];
}

/** What base64 says; null for what is none. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

/** An image that is there itself; of one that lies elsewhere, its address, which is never called. */
function imageOf(image: unknown, label: string): Part[] {
  const text = textOf(image);
  if (text === null) return [];
  if (/^(?:https?|file):/i.test(text)) return [{ form: "text", label: `${label}, elsewhere`, text }];
  return [{ form: "image", label, data: text.replace(/^data:[^,]*,/, "") }];
}

function judgementOf(value: unknown, label: string): Part[] {
  const judged = objectOf(value);
  if (typeof judged?.flagged !== "boolean") return [];
  const named = Object.entries(objectOf(judged.categories) ?? {}).filter(([, is]) => is === true);
  const why = named.map(([name]) => name).join(", ");
  return [of(label, judged.flagged ? `Flagged: ${why}` : "Not flagged")];
}

function of(label: string, value: unknown): Part {
  return typeof value === "string" ? { form: "text", label, text: value } : { form: "json", label, value };
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

const numbered = (label: string, i: number) => (i === 0 ? label : `${label} ${i + 1}`);
