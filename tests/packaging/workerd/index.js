/** A Worker of one's own that keeps its batches in a KV namespace. One isolate and one caller: such a store may answer with stale values. */
import * as edgebatch from "edgebatch/workers";
import { check } from "../common/run.js";

/** The port over the namespace: values are base64, as keys are listed without them. */
function over(store) {
  const list = async ({ prefix, after = "", limit, reverse = false, keys = false }) => {
    const names = [];
    for (let cursor; ; ) {
      const page = await store.list({ prefix, cursor });
      names.push(...page.keys.map(({ name }) => name));
      if (page.list_complete) break;
      cursor = page.cursor;
    }
    const found = (reverse ? names.reverse() : names).filter(
      (name) => after === "" || (reverse ? name < after : name > after),
    );
    const entries = found
      .slice(0, limit)
      .map(async (name) => [name, keys ? new Uint8Array() : await get(name)]);
    return {
      entries: (await Promise.all(entries)).filter(([, value]) => value !== null),
      more: found.length > limit,
    };
  };
  const get = async (key) => {
    const value = await store.get(key, "arrayBuffer");
    return value === null ? null : new Uint8Array(value);
  };
  return {
    caps: { consistency: "eventual", atomic: false, maxValue: 25_000_000 },
    get,
    list,
    set: (key, value) => store.put(key, value),
    delete: (key) => store.delete(key),
  };
}

export default {
  async fetch(_, env) {
    const { Batches, MemoryFiles, echoInference, echoModels } = edgebatch;
    const files = new MemoryFiles();
    const body = { model: "echo-1", messages: [{ role: "user", content: "hello" }] };
    const line = JSON.stringify({ custom_id: "a", method: "POST", url: "/v1/chat/completions", body });
    const input = await files.add("in.jsonl", new TextEncoder().encode(line));
    const ports = { kv: over(env.STORE), files, inference: echoInference(), models: echoModels };
    const batches = new Batches({ ...ports, autostart: false });
    const { id } = await batches.create({
      input_file_id: input.id,
      endpoint: "/v1/chat/completions",
      completion_window: "24h",
    });
    let end = await batches.runTurn(id);
    while (end.state !== "terminal") end = await batches.runTurn(id);
    const { status, request_counts: counts } = await batches.retrieve(id);
    return new Response(`${status} ${counts.completed} ${await check(edgebatch)}`);
  },
};
