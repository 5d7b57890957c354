// A batch from a file, in Deno, with its records in Deno's own key-value store. Killed and started again, it goes on where it
// was: README.md has the command.
import { parseArgs } from "node:util";
import { anyModel, Batches, DenoKV, DiskFiles, fetchInference, readLines } from "edgebatch/node";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { url: { type: "string" }, state: { type: "string", default: "state" } },
});
const [input] = positionals;
if (input === undefined || values.url === undefined) {
  console.error("usage: batch.ts FILE --url URL [--state FOLDER]");
  Deno.exit(2);
}

await Deno.mkdir(values.state, { recursive: true });
const kv = await DenoKV.open(() => Deno.openKv(`${values.state}/batches.kv`));
const files = new DiskFiles(`${values.state}/files`);
const inference = fetchInference({ baseUrl: values.url });
const batches = new Batches({ kv, files, inference, models: anyModel });

// The folder is of one batch: where there is one, it goes on.
const [known] = (await batches.list({ limit: 1 })).data;
const { id } =
  known ??
  (await batches.create({
    input_file_id: (await files.add(input)).id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  }));

const done = await batches.wait(id, {
  onProgress: ({ status, request_counts: { completed, failed, total } }) =>
    console.error(`${status}: ${completed} of ${total} completed, ${failed} failed`),
});
await batches.stop();
for (const { line, message } of done.errors?.data ?? []) console.error(`line ${line}: ${message}`);
for await (const line of readLines(files, done.output_file_id)) console.log(line);
for await (const line of readLines(files, done.error_file_id)) console.error(line);
kv.close();
