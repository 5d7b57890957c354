/** Each code in plain words, and what to do about it. */

export interface Advice {
  title: string;
  todo: string;
}

const byCode: Record<string, Advice> = {
  invalid_json_line: {
    title: "Not valid JSON",
    todo: "Each line must be one complete JSON object: no line breaks inside it, no trailing comma, double quotes only. Write lines with a JSON library (json.dumps, JSON.stringify) instead of joining strings.",
  },
  line_too_long: {
    title: "A line is too long",
    todo: "Make the request smaller: refer to images and files by URL or id instead of inlining them, or shorten the text. Longer lines are not parsed.",
  },
  invalid_encoding: {
    title: "Not UTF-8",
    todo: 'Save the file again as UTF-8: in PowerShell with -Encoding utf8, in Python by opening it with encoding="utf-8".',
  },
  invalid_file_format: {
    title: "Compressed file",
    todo: "Decompress it, and choose the .jsonl file inside.",
  },
  empty_file: {
    title: "No requests",
    todo: "Write one request on each line. Blank lines do not count.",
  },
  invalid_request: {
    title: "Wrong type",
    todo: "A field has the wrong type, or is missing. Compare this line with one that passed.",
  },
  missing_required_parameter: {
    title: "Missing field",
    todo: "Add the missing field. Every line needs custom_id, method, url and body; the body needs its model and the input that the endpoint takes.",
  },
  string_above_max_length: {
    title: "ID too long",
    todo: "Shorten the custom_id to at most 512 characters: a number or a database key is enough.",
  },
  invalid_value: {
    title: "Not POST",
    todo: 'Write "method": "POST". Batches accept nothing else.',
  },
  invalid_url: {
    title: "Wrong endpoint",
    todo: "All lines of a batch go to one endpoint, and url must name it exactly, with /v1 and without the server. Change the line, choose its endpoint above, or move it to a batch of its own.",
  },
  streaming_unsupported: {
    title: "Streaming requested",
    todo: 'Remove "stream": true. Batches return whole responses.',
  },
  model_not_found: {
    title: "Unknown model",
    todo: "Use a model that the server offers for batches; GET /v1/models lists them.",
  },
  mismatched_model: {
    title: "Several models",
    todo: "All requests must name the model of the first. Make one file for each model.",
  },
  duplicate_custom_id: {
    title: "Duplicate ID",
    todo: "Give each request its own custom_id: that is how you match its answer, as answers may come in any order. If the same request appears twice, remove one.",
  },
  request_too_large: {
    title: "File too large",
    todo: "Split it into several files, and make a batch of each. Nothing beyond the limit was checked.",
  },
  too_many_tasks: {
    title: "Too many requests",
    todo: "Split the file, and make a batch of each part. The good lines can be saved below, already split.",
  },
};

/** By param, where the code alone says too little. */
const byParam: Record<string, string> = {
  custom_id: 'Write custom_id as a string, such as "request-1": numbers need quotes too.',
  method: 'Write "method": "POST".',
  url: 'Write the endpoint as a string, such as "url": "/v1/chat/completions".',
  body: "body is the object that you would otherwise send to the endpoint: an object, not a string that holds JSON.",
  "body.model": 'Name the model in the body as a string: "model": "…".',
  "body.messages": 'messages is a list: "messages": [{"role": "user", "content": "…"}].',
  "body.input": "input is a text or a list of texts.",
  "body.prompt": "prompt is a text or, for completions, a list of texts.",
};

/** By a word of the message, for lines that JSON libraries write as well. */
const byReason: [word: string, todo: string][] = [
  ["UTF-8", "Save the file again as UTF-8; the line holds bytes of another encoding."],
  [
    "surrogate pair",
    'Text was cut in the middle of a character, such as an emoji, which left half of a surrogate pair. Cut it elsewhere, or repair it before writing it: text.toWellFormed() in JavaScript, text.encode(errors="replace").decode() in Python.',
  ],
  [
    "double",
    "Write a smaller number, or a string: most JSON readers turn anything above 1.8e308 into infinity.",
  ],
  ["nested", "Flatten it: no request needs arrays and objects nested that deep."],
  [
    "control character",
    "Inside a string write it as an escape, such as \\n or \\t: JSON libraries do that for you. Elsewhere, remove it.",
  ],
];

export function advice(code: string, param: string | null = null, message = ""): Advice {
  const found = byCode[code] ?? { title: code, todo: "Compare this line with one that passed." };
  const reason = code === "invalid_json_line" && byReason.find(([word]) => message.includes(word));
  if (reason) return { ...found, todo: reason[1] };
  const general = code === "invalid_request" || code === "missing_required_parameter";
  if (code === "invalid_request" && param === null)
    return { ...found, todo: "A line must be a JSON object, in braces; this one is another kind of value." };
  const special = general && param !== null ? byParam[param] : undefined;
  return special ? { ...found, todo: special } : found;
}
