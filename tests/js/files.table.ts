/**
 * Files as other people's tools make them (tests/data/files), and what is right to say of each. An error is
 * "line code param", with `-` for a line or a param that there is not, `a-b` for the same error of several lines;
 * after a colon comes the message, where it holds a reason.
 */
export interface Expected {
  /** What the first line chooses. Default: that of chats. */
  endpoint?: string;
  requests: number;
  /** In OpenAI's dialect. Default: none. */
  errors?: string[];
  /** In the reference dialect, where that is something else. */
  reference?: string[];
  /** What the command line says instead of errors, and exits with 2. */
  refused?: RegExp;
  /** What the command line makes of the file, where that is something else: it unpacks. */
  unpacked?: number;
}

const json = "This line is not parseable as valid JSON.";
const method = "1 missing_required_parameter method";
const url = "1 missing_required_parameter url";
const body = "1 missing_required_parameter body";
const empty =
  "- empty_file -: The input file is empty. Please ensure that the batch contains at least one request.";
const notText = "The input file must be utf-8 encoded lines of JSON, but it is";
const utf16 = `- invalid_encoding -: ${notText} UTF-16.`;
const array = /is a JSON array of requests; edgebatch fix/;

export const table: Record<string, Expected> = {
  // Byte order marks, line ends, blank lines.
  ok: { requests: 3 },
  bom: { requests: 3 },
  "bom-each-line": { requests: 3, errors: [`2-3 invalid_json_line -: ${json}`] },
  "only-bom": { requests: 0, errors: [empty], reference: [] },
  "only-newlines": { requests: 0, errors: [empty], reference: [] },
  empty: { requests: 0, errors: [empty], reference: [] },
  "blank-lines": { requests: 2 },
  "mixed-ends": { requests: 3 },
  crcrlf: { requests: 2 },
  "cr-only": { requests: 1, errors: [`1 invalid_json_line -: ${json}`] },
  "no-final-newline": { requests: 3 },
  "ctrl-z": {
    requests: 4,
    errors: [
      `4 invalid_json_line -: ${json} It holds a control character, such as a tab, that is not escaped.`,
    ],
  },
  "nul-tail": {
    requests: 4,
    errors: [
      `4 invalid_json_line -: ${json} A zero byte, a control character, stands here: the file is not UTF-8, or was cut off.`,
    ],
  },
  "nbsp-indent": { requests: 2, errors: [`1 invalid_json_line -: ${json}`] },
  "nbsp-line": { requests: 3, errors: [`2 invalid_json_line -: ${json}`] },
  "u2028-in-string": { requests: 2 },

  // Encodings, and files that are none of lines.
  cp1252: { requests: 2, errors: [`2 invalid_json_line -: ${json} It is not valid UTF-8.`] },
  utf16le: { requests: 0, errors: [utf16], refused: /is text in UTF-16; edgebatch fix/ },
  "utf16be-nobom": { requests: 0, errors: [utf16], refused: /is text in UTF-16; edgebatch fix/ },
  utf32: {
    requests: 0,
    errors: [`- invalid_encoding -: ${notText} UTF-32.`],
    refused: /is text in UTF-32; /,
  },
  "zip-named": {
    requests: 0,
    errors: [`- invalid_file_format -: ${notText} a zip archive.`],
    refused: /is a ZIP archive/,
  },
  "ok.jsonl.gz": { requests: 0, errors: [`- invalid_file_format -: ${notText} gzip.`], unpacked: 3 },
  csv: {
    requests: 2,
    errors: [`1-2 invalid_json_line -: ${json}`],
    refused: /is a table \(CSV\); edgebatch convert/,
  },
  "json-array": { requests: 44, errors: [`1-44 invalid_json_line -: ${json}`], refused: array },
  "json-array-1line": { requests: 1, errors: ["1 invalid_request -"], refused: array },
  "pretty-objects": {
    requests: 42,
    errors: [`1-42 invalid_json_line -: ${json}`],
    refused: /is JSON over several lines; edgebatch fix/,
  },

  // Lines that are JSON almost, or of something else.
  comment: { requests: 2, errors: [`1 invalid_json_line -: ${json}`] },
  glued: { requests: 2, errors: [`1 invalid_json_line -: ${json}`] },
  nan: { requests: 1, errors: [`1 invalid_json_line -: ${json}`] },
  "python-repr": { requests: 3, errors: [`1-3 invalid_json_line -: ${json}`] },
  "trailing-comma-lines": { requests: 3, errors: [`1-2 invalid_json_line -: ${json}`] },
  "double-encoded": { requests: 3, errors: ["1-3 invalid_request -"] },
  // JSON by its grammar, but not read alike by everybody.
  "num-1e400": {
    requests: 1,
    errors: [`1 invalid_json_line -: ${json} It holds a number that is too large for a double.`],
  },
  deep127: { requests: 1 },
  deep200: {
    requests: 1,
    errors: [`1 invalid_json_line -: ${json} It is nested more than 128 levels deep.`],
  },
  "body-surrogate": {
    requests: 2,
    errors: [`1 invalid_json_line -: ${json} It holds half of a surrogate pair.`],
  },
  "body-surrogate-pair": { requests: 1 },
  "id-surrogate": {
    requests: 1,
    errors: [`1 invalid_json_line -: ${json} It holds half of a surrogate pair.`],
  },
  dupkeys: { requests: 2 },
  "extra-keys": { requests: 1 },

  // Other services' batch files.
  anthropic: { requests: 1, errors: [method, url, body] },
  bedrock: {
    requests: 1,
    errors: ["1 missing_required_parameter custom_id", method, url, body],
    refused: /is a file of JSON objects that are no requests; edgebatch convert/,
  },
  mistral: {
    requests: 1,
    errors: [method, url, "1 missing_required_parameter body.model"],
    reference: [method, url, "1 invalid_request body.model"],
  },
  "body-string": { requests: 1, errors: ["1 invalid_request body"] },

  // custom_id
  "id-64": { requests: 2 },
  "id-512": { requests: 2, errors: ["2 string_above_max_length custom_id"] },
  "id-empty": { requests: 1 },
  "id-null": { requests: 1, errors: ["1 invalid_request custom_id"] },
  "id-number": { requests: 1, errors: ["1 invalid_request custom_id"] },
  "dup-ids": { requests: 3, errors: ["3 duplicate_custom_id custom_id"] },
  "dup-ids-escaped": { requests: 2, errors: ["2 duplicate_custom_id custom_id"] },

  // method and url
  "key-space": { requests: 1, errors: [method] },
  "method-lower": { requests: 1, errors: ["1 invalid_value method"] },
  "method-missing": { requests: 1, errors: [method] },
  "mixed-urls": { requests: 2, errors: ["2 invalid_url url"] },
  "url-azure": { requests: 2, errors: ["1-2 invalid_url url"] },
  "url-full": { requests: 1, errors: ["1 invalid_url url"] },
  "url-missing": { requests: 1, errors: [url] },
  "url-noslash": { requests: 1, errors: ["1 invalid_url url"] },
  "url-slash": { requests: 1, errors: ["1 invalid_url url"] },

  // body, by endpoint
  "messages-missing": {
    requests: 1,
    errors: ["1 missing_required_parameter body.messages"],
    reference: ["1 invalid_request body.messages"],
  },
  "model-null": { requests: 1, errors: ["1 invalid_request body.model"] },
  "model-slash": { requests: 1 },
  "n-logprobs-tools": { requests: 6 },
  "stream-false": { requests: 4 },
  "stream-true": { requests: 1, errors: ["1 streaming_unsupported body.stream"] },
  embeddings: { requests: 6, endpoint: "/v1/embeddings" },
  "embeddings-256": { requests: 1, endpoint: "/v1/embeddings" },
  "images-edits": { requests: 1, endpoint: "/v1/images/edits" },
  rerank: { requests: 1, endpoint: "/v1/rerank" },
  responses: { requests: 1, endpoint: "/v1/responses" },
  "responses-prompt": { requests: 1, endpoint: "/v1/responses" },
  score: { requests: 2, endpoint: "/v1/score" },
};
