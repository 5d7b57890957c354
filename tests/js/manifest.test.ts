/** Guards manifests in the library: over any store and files, in the words of its types. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { test } from "node:test";
import {
  anyModel,
  Batches,
  ConflictError,
  echoInference,
  type ManifestFile,
  MemoryFiles,
  MemoryKV,
  ResourceNotFoundError,
} from "../../js/entry/node.ts";

const endpoint = "/v1/chat/completions";

function line(id: string): string {
  const body = { model: "echo-1", messages: [{ role: "user", content: "hello" }] };
  return `${JSON.stringify({ custom_id: id, method: "POST", url: endpoint, body })}\n`;
}

test("a batch that has ended tells of its files and calls, and one that has not is a conflict", async () => {
  const files = new MemoryFiles();
  let held: (() => void) | undefined;
  const first = new Promise<void>((resolve) => {
    held = resolve;
  });
  const { infer } = echoInference();
  const inference = {
    async infer(request: Parameters<typeof infer>[0], signal: AbortSignal) {
      await first;
      return infer(request, signal);
    },
  };
  const batches = new Batches({ kv: new MemoryKV(), files, inference, models: anyModel });
  const input = ["a", "b", "c"].map(line).join("");
  const { id: input_file_id } = await files.add("in.jsonl", input);
  const { id } = await batches.create({ input_file_id, endpoint, completion_window: "24h" });
  await assert.rejects(batches.manifest(id), ConflictError);
  held?.();
  const batch = await batches.wait(id, { pollMs: 5 });
  await batches.stop();
  const manifest = await batches.manifest(id);
  const told = async (fileId: string): Promise<ManifestFile> => {
    const file = await files.retrieve(fileId);
    const content = await files.read(fileId, 0, file?.bytes ?? 0);
    const sha256 = createHash("sha256").update(content).digest("hex");
    return { file_id: fileId, bytes: content.length, lines: 3, sha256 };
  };
  assert.deepEqual(manifest, {
    ...{ object: "batch.manifest", batch_id: id, status: "completed" },
    request_counts: { total: 3, completed: 3, failed: 0 },
    input: await told(input_file_id),
    output: await told(batch.output_file_id as string),
    error: null,
    calls: { made: 3, lost: 0 },
  });
  await assert.rejects(batches.manifest("batch_none"), ResourceNotFoundError);
});
