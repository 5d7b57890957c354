/** A batch of one request and a check of two lines, with whatever entry the project imports. */
const endpoint = "/v1/chat/completions";
const body = { model: "echo-1", messages: [{ role: "user", content: "hello" }] };
const line = JSON.stringify({ custom_id: "a", method: "POST", url: endpoint, body });

export async function check({ Validator }) {
  const stream = new Blob([line, "\nbroken\n"]).stream();
  const { requestCount, errors } = await Validator.validate(stream, { endpoint });
  return `${requestCount} ${errors.map(({ code, line }) => `${code} ${line}`)}`;
}

export async function run(edgebatch) {
  const { Batches, MemoryFiles, MemoryKV, echoInference, echoModels } = edgebatch;
  const files = new MemoryFiles();
  const input = await files.add("in.jsonl", new TextEncoder().encode(line));
  const batches = new Batches({ kv: new MemoryKV(), files, inference: echoInference(), models: echoModels });
  const { id } = await batches.create({ input_file_id: input.id, endpoint, completion_window: "24h" });
  const { status, request_counts: counts } = await batches.wait(id);
  await batches.stop();
  return `${status} ${counts.completed} ${await check(edgebatch)}`;
}
