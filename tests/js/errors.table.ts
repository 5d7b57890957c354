/** What docs/errors.md says of each code: why it is given, what to do, and for most a request that is given it. */

/** A request that is given the code: lines of an input file, or members of a call to create a batch. */
export type Sample =
  | { lines: string | Uint8Array; options?: Record<string, unknown> }
  | { create: Record<string, unknown>; options?: Record<string, unknown> };

export interface Entry {
  code: string;
  /** Where it turns up. */
  where: string;
  cause: string;
  cure: string;
  sample?: Sample;
}

const endpoint = "/v1/chat/completions";
const body = { model: "echo-1", messages: [{ role: "user", content: "Hello" }] };
const good = { custom_id: "a", method: "POST", url: endpoint, body };
const line = (changes: Record<string, unknown> = {}) => JSON.stringify({ ...good, ...changes });
const bad = (changes: Record<string, unknown>): Sample => ({ lines: line(changes) });
const create = (create: Record<string, unknown>, options?: Record<string, unknown>): Sample => ({
  create,
  ...(options ? { options } : {}),
});
const FILE = "validation";
const CALL = "calls";
const RESULT = "error file";

export const entries: Entry[] = [
  // Input files.
  {
    ...{ code: "invalid_json_line", where: `${FILE}, ${RESULT}`, sample: { lines: '{"custom_id": "a",}' } },
    cause:
      "The line is not JSON by RFC 8259, or holds what few readers agree on: bad UTF-8, a lone surrogate, a number beyond a double, nesting beyond 128. In the error file: the file changed after it was validated.",
    cure: "`edgebatch validate` and the page show the column and the reason. `edgebatch fix` mends what has one clear cure: trailing commas, missing braces, a request spread over lines.",
  },
  {
    ...{ code: "line_too_long", where: FILE, sample: { lines: line(), options: { maxLineBytes: 32 } } },
    cause: "One line has more bytes than the limit, 8 MiB unless the host set another.",
    cure: "Shorten the request; images are the usual reason, and can be given by URL instead of as data. A host may raise `maxLineBytes`.",
  },
  {
    ...{ code: "invalid_request", where: `${FILE}, ${RESULT}`, sample: { lines: "[1]" } },
    cause:
      "The line is JSON but not an object; or a member has another type than it must have; or, in the reference dialect, a member of the body is absent; or there is no such input file.",
    cure: "Look at `param`: it names the member, or `input_file_id` (in OpenAI's dialect `file_id`) when the file is missing. A file is only seen by the key that uploaded it.",
  },
  {
    ...{ code: "missing_required_parameter", where: `${FILE}, ${CALL}`, sample: bad({ url: undefined }) },
    cause:
      "A line without `custom_id`, `method`, `url` or `body`, a body without what its endpoint needs, or a call without a parameter that it needs.",
    cure: "Add the member that `param` names. `edgebatch fix` fills in `custom_id`, `method` and `url`.",
  },
  {
    ...{ code: "string_above_max_length", where: `${FILE}, ${CALL}` },
    sample: bad({ custom_id: "a".repeat(513) }),
    cause:
      "A `custom_id` of more than 512 characters, or a parameter such as a value of `metadata` that is too long.",
    cure: "Shorten it. Keep what identifies a request in `custom_id`, and the rest in your own table.",
  },
  {
    ...{ code: "invalid_value", where: `${FILE}, ${CALL}`, sample: bad({ method: "GET" }) },
    cause:
      "`method` is not `POST`; or a parameter of a call is not one of the values that are taken, such as an endpoint that the host has not opened.",
    cure: "The message lists what is taken. Endpoints are opened by `endpoints` (the Worker's `ENDPOINTS`), windows by `completionWindows` (`--completion-windows`).",
  },
  {
    ...{ code: "invalid_url", where: FILE, sample: bad({ url: "/v1/embeddings" }) },
    cause: "The line's `url` is not the endpoint that the batch was created with.",
    cure: "Create the batch with the endpoint that the lines name, or let `edgebatch fix` set `url`. A full address is wrong as well: write `/v1/chat/completions`.",
  },
  {
    ...{ code: "streaming_unsupported", where: FILE, sample: bad({ body: { ...body, stream: true } }) },
    cause: "The body asks for a stream, and a batch has nobody to stream to.",
    cure: "Remove `stream`; `edgebatch fix` does.",
  },
  {
    ...{ code: "model_not_found", where: `${FILE}, ${CALL}` },
    sample: bad({ body: { ...body, model: "gpt-0" } }),
    cause: "The host does not have the model that the request names, or not for this key.",
    cure: "`GET /v1/models` lists what there is, `edgebatch doctor` asks for it. Behind several model servers, one of them must list it (`models`).",
  },
  {
    ...{ code: "mismatched_model", where: FILE },
    sample: {
      lines: `${line()}\n${line({ custom_id: "b", body: { ...body, model: "echo-2" } })}`,
      options: { singleModel: true },
    },
    cause: "The host takes one model a file (`singleModel`), and this line names another than the first.",
    cure: "Make one file for each model. OpenAI has this rule too.",
  },
  {
    ...{ code: "duplicate_custom_id", where: FILE, sample: { lines: `${line()}\n${line()}` } },
    cause: "An earlier line has the same `custom_id`, so that their results could not be told apart.",
    cure: "Give each line an id of its own; `edgebatch fix` numbers those that repeat.",
  },
  {
    ...{ code: "request_too_large", where: FILE, sample: { lines: line(), options: { maxFileBytes: 16 } } },
    cause: "The file has more bytes than the limit, 200 MiB unless the host set another.",
    cure: "`edgebatch split` makes parts within the limits, and `merge` joins their results; or create the batch with `split` where the host takes large files.",
  },
  {
    ...{ code: "too_many_tasks", where: FILE },
    sample: { lines: `${line()}\n${line({ custom_id: "b" })}`, options: { maxRequests: 1 } },
    cause: "The file has more requests than the limit, 50,000 unless the host set another.",
    cure: "Create the batch with `edgebatch: { split: true }`, or use `edgebatch split`.",
  },
  {
    ...{ code: "model_without_price", where: FILE },
    cause: "The batch has a budget that limits its cost, and a line names a model without a price.",
    cure: "Add the model to `prices` (`--prices`; `*` stands for all others), or limit tokens or requests instead.",
  },
  {
    ...{
      code: "invalid_encoding",
      where: FILE,
      sample: { lines: new Uint8Array(Buffer.from(`\uFEFF${line()}`, "utf16le")) },
    },
    cause: "The file is UTF-16 or UTF-32, as some programs on Windows save it.",
    cure: "Save it as UTF-8; `edgebatch fix` converts it.",
  },
  {
    ...{ code: "invalid_file_format", where: `${FILE}, ${CALL}` },
    sample: { lines: new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 10]) },
    cause:
      "The file is packed (gzip or a zip archive) where a plain one is read, or what was sent packed cannot be unpacked.",
    cure: "Unpack it. `edgebatch validate` and `run` read gzip and zstd themselves, and a server takes packed uploads by their file name.",
  },
  {
    ...{ code: "empty_file", where: FILE, sample: { lines: "\n\n" } },
    cause:
      "There is no request in the file: nothing, or blank lines alone. Told in OpenAI's dialect and on the command line only.",
    cure: "Check what wrote the file; a program that failed halfway often leaves an empty one.",
  },
  {
    ...{ code: "input_file_unreadable", where: `${FILE}, ${RESULT}` },
    cause: "The input file is there but cannot be read, or is no longer what was validated.",
    cure: "Look at the server's log for the storage's own message. Do not change files below a server's folder; upload anew, and continue the batch with `continue_from`.",
  },
  {
    ...{ code: "results_lost", where: `${FILE}, ${RESULT}` },
    cause:
      "The store no longer has results whose writing it had acknowledged: a disk that lost writes, or a backup that was older.",
    cure: "Check the disk. `edgebatch retry`, or `continue_from`, runs what has no result.",
  },
  {
    ...{ code: "results_unreadable", where: FILE },
    cause: "The result files of the batch that is continued are gone.",
    cure: "Continue a batch before its files expire or are deleted; else run the whole file, or use `edgebatch retry` with copies of the files.",
  },
  // Results.
  {
    ...{ code: "request_timeout", where: RESULT },
    cause:
      "The model server gave no answer in time (`requestTimeoutMs`, ten minutes by default), in any of the attempts.",
    cure: "Lower the concurrency or `max_tokens`, raise `--timeout`, then run what failed again.",
  },
  {
    ...{ code: "connection_error", where: RESULT },
    cause:
      "The model server could not be reached for this request while it answered others, or closed the connection each time.",
    cure: "The server often dies of this very request: look at its log. Then run what failed again.",
  },
  {
    ...{ code: "response_too_large", where: RESULT },
    cause: "The answer has more bytes than the host takes (`maxResponseBytes`, 8 MiB).",
    cure: "Ask for less (`n`, `logprobs`, embeddings in fewer inputs a line), or raise the limit.",
  },
  {
    ...{ code: "invalid_response", where: RESULT },
    cause:
      "The model server answered 2xx with what is no JSON object: a page of HTML, an event stream, half an object. Counted as 502.",
    cure: "Check that the address is that of an OpenAI-compatible API (`edgebatch doctor`). `NaN` in logprobs is a known case: the text is in the error file.",
  },
  {
    ...{ code: "request_failed", where: RESULT },
    cause:
      "The model server answered with an error that names no code of its own; the reference dialect puts this word there.",
    cure: "Read the message and `response.body`: they are the model server's.",
  },
  {
    ...{ code: "batch_cancelled", where: RESULT },
    cause:
      "The batch was cancelled before this request had a result. The text says whether it had been sent.",
    cure: "Continue the batch with `continue_from` if you still want it.",
  },
  {
    ...{ code: "batch_expired", where: RESULT },
    cause: "The window of the batch ended first. The text says whether the request had been sent.",
    cure: "Continue the batch, with a longer window where the host has opened one (`completionWindows`).",
  },
  {
    ...{ code: "budget_exceeded", where: RESULT },
    cause: "The budget of the batch had no room for the request.",
    cure: "Continue the batch with a new budget: what was left out runs then.",
  },
  // Calls.
  {
    ...{ code: "invalid_type", where: CALL, sample: create({ endpoint: 5 }) },
    cause: "A parameter has another type than it must have.",
    cure: "The message says which type is wanted. In Python, `metadata` values must be strings: `str(5)`.",
  },
  {
    ...{ code: "unknown_parameter", where: CALL, sample: create({ edgebatch: { dedup: true } }) },
    cause: "A parameter that is not known; nothing is ignored, so that no misspelling passes unseen.",
    cure: "Compare with [the list](contract.md#21-create). Own parameters stand in `edgebatch`, with OpenAI's Python client in `extra_body`.",
  },
  {
    ...{ code: "array_above_max_length", where: CALL },
    cause: "A list has more members than are taken, such as the parts of an upload.",
    cure: "Use fewer, larger parts.",
  },
  {
    ...{ code: "object_above_max_properties", where: CALL },
    sample: create({ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, ""])) }),
    cause: "`metadata` has more than 16 members.",
    cure: "Keep less in it, or one member that holds JSON of up to 512 characters.",
  },
  {
    ...{ code: "property_name_above_max_length", where: CALL },
    sample: create({ metadata: { ["k".repeat(65)]: "" } }),
    cause: "A name in `metadata` has more than 64 characters.",
    cure: "Shorten it.",
  },
  {
    ...{
      code: "integer_below_min_value",
      where: CALL,
      sample: create({ edgebatch: { budget: { requests: 0 } } }),
    },
    cause: "A number is below the least that is taken.",
    cure: "The message says the range.",
  },
  {
    ...{ code: "integer_above_max_value", where: CALL },
    cause: "A number is above the most that is taken.",
    cure: "The message says the range.",
  },
  {
    ...{ code: "decimal_below_min_value", where: CALL },
    sample: create({ edgebatch: { budget: { cost: 0 } } }, { prices: { "*": { input: 1, output: 1 } } }),
    cause: "A budget's cost of nothing, or less.",
    cure: "Leave `cost` out for no limit.",
  },
  {
    ...{ code: "decimal_above_max_value", where: CALL },
    sample: create({ edgebatch: { budget: { cost: 1e10 } } }, { prices: { "*": { input: 1, output: 1 } } }),
    cause: "A budget's cost beyond a billion.",
    cure: "Leave `cost` out for no limit.",
  },
  {
    ...{ code: "prices_not_set", where: CALL, sample: create({ edgebatch: { budget: { cost: 5 } } }) },
    cause: "A budget limits the cost, and the host has no prices.",
    cure: "Set `prices` (`--prices 'gpt-4o=2.5/10'`), or limit tokens or requests.",
  },
  {
    ...{ code: "empty_string", where: CALL },
    cause: "Nothing where a name must be.",
    cure: "Give a name.",
  },
  {
    ...{ code: "empty_array", where: CALL },
    cause: "A list without members, such as a webhook endpoint that is told of nothing.",
    cure: "Name at least one, or leave the parameter out.",
  },
  {
    ...{ code: "webhook_endpoint_limit_reached", where: CALL },
    cause: "The tenant has 100 webhook endpoints already.",
    cure: "Delete those that are not used: `GET /v1/webhook_endpoints` lists them.",
  },
  {
    ...{ code: "webhook_endpoint_unreachable", where: CALL },
    cause: "A test of a webhook endpoint had no answer.",
    cure: "Check its address and that it is reachable from the server; [webhooks](webhooks.md) says where they may go.",
  },
  {
    ...{ code: "invalid_export", where: CALL },
    cause: "What was sent to be imported is not the export of a batch.",
    cure: "Send the bytes that `edgebatch move` or `exportBatch` gave, unchanged.",
  },
  {
    ...{ code: "unsupported_export_version", where: CALL },
    cause: "The export was made by another version, whose layout this one does not read.",
    cure: "Bring both hosts to one version, then export again.",
  },
  {
    ...{ code: "unsupported_checkpoint", where: CALL },
    cause: "The batch in the export was left by a build whose checkpoint this one does not read.",
    cure: "Bring both hosts to one version, then export again.",
  },
  {
    ...{ code: "export_cut_off", where: CALL },
    cause: "The export ends before its end: the connection or the disk gave up.",
    cure: "Import it again from a whole copy; nothing of it was taken.",
  },
  {
    ...{ code: "export_damaged", where: CALL },
    cause: "The sums in the export do not fit its bytes.",
    cure: "Copy it again, in binary.",
  },
  {
    ...{ code: "batch_not_importable", where: CALL },
    cause:
      "This host does not take the batch; the message says why: it has ended, its endpoint is not open, it is too large.",
    cure: "Give this host the settings of the other one.",
  },
  {
    ...{ code: "invalid_api_key", where: CALL },
    cause: "The call has a key that the server does not know.",
    cure: "`edgebatch keys list` shows whose keys there are, `edgebatch keys add NAME` makes one. OpenAI's clients send `api_key`, or else `OPENAI_API_KEY`.",
  },
  {
    ...{ code: "idempotency_key_reused", where: CALL },
    cause: "The same `idempotency_key` came with other parameters before.",
    cure: "Use a new key for a new batch, or send the parameters of the first call.",
  },
  {
    ...{ code: "batch_moving", where: CALL },
    cause: "The batch is being moved to another host.",
    cure: "Ask the other host; or, if the move came to nothing, [take it back](moving.md#what-happens).",
  },
  {
    ...{ code: "batch_not_movable", where: CALL },
    cause: "The batch has ended, or is being cancelled.",
    cure: "Copy its files instead.",
  },
  {
    ...{ code: "batch_in_flight", where: CALL },
    cause: "Calls of the batch are in flight, and took more than 20 seconds to end.",
    cure: "Ask again: `edgebatch move` does so by itself.",
  },
  {
    ...{ code: "batch_exists", where: CALL },
    cause: "A batch of this id is here already.",
    cure: "It was imported before: look at it with `retrieve`.",
  },
  {
    ...{ code: "export_superseded", where: CALL },
    cause: "Another export of the batch has begun since.",
    cure: "Go on with the newer export.",
  },
  {
    ...{ code: "import_superseded", where: CALL },
    cause: "Another import of the batch has begun since.",
    cure: "Go on with the newer import.",
  },
  {
    ...{ code: "unsupported_content_type", where: CALL },
    cause: "A body to validate has a type that is not taken.",
    cure: "Send the file as it is (`application/jsonl`), or as a form.",
  },
  {
    ...{ code: "rate_limit_exceeded", where: CALL },
    cause: "More calls than the tenant has a minute, or its quota of queued batches or requests is used up.",
    cure: "Wait as long as `retry-after` says; without it, until a batch has ended.",
  },
  {
    ...{ code: "insufficient_quota", where: CALL },
    cause: "The tenant's quota of files or bytes is used up. A later try does not help.",
    cure: "Delete files, or have the operator raise the quota: [quotas](server.md#quotas).",
  },
  // The library.
  {
    ...{ code: "unknown_option", where: "library" },
    cause: "An option of `Batches` or `Validator` is misspelt.",
    cure: "`param` names it; the overview lists the options.",
  },
  {
    ...{ code: "invalid_options", where: "library" },
    cause: "The options are not an object.",
    cure: "Give an object, as the types ask for.",
  },
  {
    ...{ code: "missing_adapter", where: "library" },
    cause: "`kv`, `files`, `inference` or `models` is absent, or lacks a function.",
    cure: "`param` names it; [hosts](hosts.md) says what each must have.",
  },
  {
    ...{ code: "file_changed", where: "library" },
    cause: "A file on disk is no longer what it was when it was added.",
    cure: "Add it again. Files below a `DiskFiles` folder are not to be written by others.",
  },
  {
    ...{ code: "file_damaged", where: "library" },
    cause: "A file on disk has another length or another description than was written.",
    cure: "Check the disk; restore the folder from a backup, or add the file again.",
  },
];
