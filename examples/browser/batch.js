// The worker of this example: it keeps batches in the browser and runs them. Timers of a worker go on while its tab is hidden.
import {
  anyModel,
  Batches,
  fetchInference,
  IndexedDbKV,
  OpfsFiles,
} from "./node_modules/edgebatch/dist/entry/browser.js";

const kv = new IndexedDbKV("batches");
const files = new OpfsFiles("batches");
let server;
const inference = { infer: (request, signal) => server.infer(request, signal) };
const batches = new Batches({ kv, files, inference, models: anyModel, autostart: false, soleOwner: true });

/** One tab at a time runs the batches. When it is closed or crashes, one that waits goes on at once. */
function run(baseUrl) {
  const isFirst = server === undefined;
  server = fetchInference({ baseUrl });
  if (isFirst) kv.lock({ wait: true }).then(() => batches.start());
}

async function submit(file, url) {
  const { id } = await files.add(file);
  await batches.create({
    input_file_id: id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
    metadata: { name: file.name, url },
  });
}

const ended = new Set();

/** Tells the page of each batch, and of one that has ended once, with its files. */
async function tell() {
  for (const batch of (await batches.list({ limit: 20 })).data) {
    if (ended.has(batch.id)) continue;
    const links = [];
    if (["completed", "failed", "expired", "cancelled"].includes(batch.status)) {
      ended.add(batch.id);
      for (const [name, id] of [
        ["output.jsonl", batch.output_file_id],
        ["errors.jsonl", batch.error_file_id],
      ])
        if (id) links.push({ name, blob: await files.blob(id) });
    }
    postMessage({ batch, links });
  }
  setTimeout(tell, 500);
}

addEventListener("unhandledrejection", ({ reason }) => postMessage({ failure: reason.message }));
addEventListener("message", ({ data: { file, url } }) => {
  run(url);
  submit(file, url);
});
postMessage({ isReady: true });

// What an earlier visit left goes on, with the server that it had.
const [newest] = (await batches.list({ limit: 1 })).data;
if (newest) run(newest.metadata.url);
tell();
