/** Guards the routes, on no platform at all: Web APIs and ports in memory. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Hono } from "hono";
import { ConflictError } from "../../../js/core/errors.ts";
import "../../../js/entry/node.ts";
import { app, methodsOf } from "../../../js/server/app.ts";
import { ports } from "./memory.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

test("what a path answers to other methods comes from its routes", async () => {
  const here = ports();
  const paths = methodsOf(app.routes);
  assert.ok(paths.length > 10);
  for (const [path, allow] of paths) {
    for (const method of METHODS.filter((method) => !allow.split(", ").includes(method))) {
      const url = `http://localhost${path.replace(":id", "id")}`;
      const answer = await app.fetch(new Request(url, { method }), here);
      assert.deepEqual([answer.status, answer.headers.get("allow")], [405, allow], `${method} ${path}`);
    }
  }
  const more = new Hono().get("/a", (c) => c.text("")).post("/a", (c) => c.text(""));
  more.use("/b", (_, next) => next());
  assert.deepEqual(methodsOf(more.routes), [["/a", "GET, POST"]]);
});

test("files, uploads, batches and models are served over ports in memory", async () => {
  const here = ports();
  const call = async (method: string, path: string, body?: object) => {
    const json = body && !(body instanceof FormData);
    const init = { method, ...(body && { body: json ? JSON.stringify(body) : (body as FormData) }) };
    const answer = await app.fetch(new Request(`http://localhost${path}`, init), here);
    assert.equal(answer.status, 200, `${method} ${path}`);
    return answer;
  };
  const line = { custom_id: "a", method: "POST", url: "/v1/chat/completions", body: { model: "echo-1" } };
  const content = JSON.stringify(line);
  const form = new FormData();
  form.set("purpose", "batch");
  form.set("file", new File([content], "a.jsonl"));
  const file = await (await call("POST", "/v1/files", form)).json();
  const answer = await call("GET", `/v1/files/${file.id}/content`);
  assert.equal(answer.headers.get("content-length"), String(content.length));
  assert.equal(await answer.text(), content);
  assert.equal((await (await call("GET", "/v1/files?purpose=batch")).json()).data[0].id, file.id);
  const params = { input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" };
  const batch = await (await call("POST", "/v1/batches", params)).json();
  assert.equal(batch.status, "validating");
  assert.equal((await (await call("POST", `/v1/batches/${batch.id}/cancel`)).json()).status, "cancelling");
  assert.equal((await (await call("GET", "/v1/models")).json()).data[0].id, "echo-1");

  const upload = { filename: "a.txt", purpose: "evals", bytes: 3, mime_type: "text/plain" };
  const { id } = await (await call("POST", "/v1/uploads", upload)).json();
  const part = new FormData();
  part.set("data", new File(["abc"], "part"));
  const { id: partId } = await (await call("POST", `/v1/uploads/${id}/parts`, part)).json();
  const md5 = "900150983cd24fb0d6963f7d28e17f72";
  const done = await call("POST", `/v1/uploads/${id}/complete`, { part_ids: [partId], md5 });
  const { file: made } = await done.json();
  assert.equal(await (await call("GET", `/v1/files/${made.id}/content`)).text(), "abc");
});

test("a conflict, from whichever route, says that to try again changes nothing", async () => {
  const here = ports();
  const refuse = () => Promise.reject(new ConflictError("It has ended."));
  const conflicting = { ...here, tenant: () => ({ cancelBatch: refuse, getFile: refuse }) as never };
  for (const [method, path] of [
    ["POST", "/v1/batches/batch_1/cancel"],
    ["GET", "/v1/files/file-1"],
  ] as const) {
    const answer = await app.fetch(new Request(`http://localhost${path}`, { method }), conflicting);
    assert.deepEqual([answer.status, answer.headers.get("x-should-retry")], [409, "false"]);
  }
});
