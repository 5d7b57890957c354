/** Guards bytes in R2 where something between fails: none are lost that a file names, and none are promised that are gone. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Hono } from "hono";
import { InvalidRequestError } from "../../../js/core/errors.ts";
import type { HonoEnv } from "../../../js/server/http.ts";
import type { Blobs, Platform, Ports } from "../../../js/server/ports.ts";
import { fileRoutes } from "../../../js/server/routes/files.ts";
import { uploadRoutes } from "../../../js/server/routes/uploads.ts";
import { streamSegments } from "../../../js/server/stored-bytes.ts";
import type { Bucket, Env } from "../../../js/worker/env.ts";
import { r2Blobs } from "../../../js/worker/r2-blobs.ts";
import { serverSettings } from "../../../js/worker/settings.ts";
import { form } from "../server/suite/wire.ts";
import { chatLines } from "./server.ts";

/** A bucket that only says which keys it holds. */
function bucket() {
  const keys = new Set<string>();
  const methods = {
    get: async (key: string) => (keys.has(key) ? Promise.reject(new Error("an outage")) : null),
    head: () => Promise.reject(new Error("an outage")),
    put: async (key: string) => keys.add(key),
    delete: async (gone: string[]) => {
      for (const key of gone) keys.delete(key);
    },
  };
  return { keys, bucket: r2Blobs(methods as unknown as Bucket) };
}

/** The routes with a Tenant that answers as told. */
function routes(tenant: object, blobs: Blobs) {
  const ports = { blobs, settings: () => serverSettings({} as Env) } as Ports;
  const app = new Hono<HonoEnv>();
  app.use(async (c, next) => {
    c.set("tenantName", "alice");
    c.set("tenant", tenant as never);
    await next();
  });
  app.route("/files", fileRoutes).route("/uploads", uploadRoutes);
  app.onError((error) => new Response(error.message, { status: 500 }));
  const body = () => form({ purpose: "batch" }, chatLines(1));
  return {
    upload: () => app.request("/files", { method: "POST", body: body() }, ports),
    complete: (body: object) => {
      const init = { method: "POST", body: JSON.stringify(body) };
      return app.request("/uploads/upload_1/complete", init, ports);
    },
    addPart: () => {
      const data = new FormData();
      data.set("data", new File(["a".repeat(100_000)], "upload"));
      return app.request("/uploads/upload_1/parts", { method: "POST", body: data }, ports);
    },
  };
}

/** Writing may begin. */
const accepts = {
  startFile: async () => 1_000_000_000,
  uploadRoom: async () => 1_000_000,
  expectObjects: async () => undefined,
};
const lost = () => Promise.reject(new Error("the connection was lost"));

test("bytes stay when the answer of the index is lost, as it may have the file", async () => {
  const { keys, bucket: files } = bucket();
  const { upload, addPart } = routes({ ...accepts, createFile: lost, addUploadPart: lost }, files);
  assert.equal((await upload()).status, 500);
  assert.match([...keys].join(), /^alice\/files\/file-\w{22}$/);
  assert.equal((await addPart()).status, 500);
  assert.equal(keys.size, 2);
});

test("bytes go when the index refuses a part", async () => {
  const { keys, bucket: files } = bucket();
  const refuses = {
    ...accepts,
    addUploadPart: () => Promise.reject(new InvalidRequestError("cancelled")),
  };
  await routes(refuses, files).addPart();
  assert.equal(keys.size, 0);
});

test("a complete that a cancel has overtaken says that, and not that the file is wrong", async () => {
  const parts = [{ id: "part_1", key: "alice/parts/part_1", bytes: 3 }];
  const message = "Upload 'upload_1' is cancelled, and takes no more changes.";
  for (const [purpose, md5] of [
    ["batch", undefined],
    ["evals", "00"],
  ]) {
    const plans = [{ purpose, filename: "a.jsonl", parts }];
    const planUpload = async () => plans.shift() ?? Promise.reject(new InvalidRequestError(message));
    const { complete } = routes({ planUpload }, bucket().bucket);
    assert.equal(await (await complete({ part_ids: ["part_1"], md5 })).text(), message);
  }
});

test("a file whose bytes are gone or out of reach is known before an answer begins", async () => {
  const { keys, bucket: blobs } = bucket();
  const platform = { fixedLength: () => new TransformStream() } as unknown as Platform;
  const segments = [{ key: "alice/files/file-1", bytes: 3 }];
  assert.equal(await streamSegments({ blobs, platform }, segments, 0, 3), null);
  keys.add("alice/files/file-1");
  await assert.rejects(() => streamSegments({ blobs, platform }, segments, 0, 3), /an outage/);
});
