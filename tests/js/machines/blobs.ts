/** Guards what is kept by S3's API: objects, files, and how an S3 is borne that fails, lies or stands still. */

import { strict as assert } from "node:assert";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { filesContract } from "../../../js/contract/index.ts";
import { S3Blobs, S3Bucket } from "../../../js/hosts/blobs/s3.ts";
import { R2Files } from "../../../js/hosts/files/r2.ts";
import { blobsTests } from "../hosts/blobs-suite.ts";
import { signerOf } from "./s3.ts";
import { s3 } from "./servers.ts";

/** An S3 that answers as it is told, and what it was asked. */
async function odd(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
  timeoutMs = 60_000,
) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    request.resume();
    request.on("end", () => answer(request, response, asked.length));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bucket`;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  t.after(close);
  return { asked, close, bucket: new S3Bucket({ url, signer: signerOf(), timeoutMs }) };
}

const refusal = (code: string) =>
  `<Error><Code>${code}</Code><Message>&lt;why&gt; &amp; how</Message></Error>`;

export function blobTests(): void {
  describe("S3Blobs", () => {
    const make = async () => new S3Blobs((await (await s3()).bucket()).bucket, "a prefix/");
    for (const t of blobsTests(make)) test(t.name, t.run);
  });

  describe("R2Files in an S3Bucket keep the contract", () => {
    const tests = filesContract(async () => {
      const { bucket } = await (await s3()).bucket();
      const open = async () => new R2Files({ bucket });
      return {
        ...{ files: await open(), open, reopen: open },
        remove: (files, id) => (files as R2Files).delete(id),
      };
    });
    for (const t of tests) test(t.name, t.run);
  });

  describe("An S3 at fault", () => {
    test("an S3 that is busy, or drops a connection, is asked again", async (t) => {
      const { asked, bucket } = await odd(t, (request, response, count) => {
        if (count === 1) return void response.writeHead(503).end(refusal("SlowDown"));
        if (count === 2) return void request.socket.destroy();
        response.end();
      });
      await bucket.put("a", new Uint8Array(3));
      assert.deepEqual(asked, ["PUT /bucket/a", "PUT /bucket/a", "PUT /bucket/a"]);
    });

    test("an S3 that refuses is not asked again, and says why; one that is away says what it was asked for", async (t) => {
      const { asked, bucket, close } = await odd(
        t,
        (_, response) => void response.writeHead(403).end(refusal("AccessDenied")),
      );
      await assert.rejects(bucket.put("a", new Uint8Array(3)), {
        message: "S3 refused writing a: 403 AccessDenied <why> & how",
      });
      assert.equal(asked.length, 1);
      close();
      await assert.rejects(bucket.delete("a"), /S3 cannot be reached for deleting a: .*ECONN/);
    });

    test("a completion that fails after its answer began is an error", async (t) => {
      const { bucket } = await odd(t, (_, response) => void response.end(refusal("InternalError")));
      const upload = bucket.resumeMultipartUpload("a", "1");
      await assert.rejects(upload.complete([{ partNumber: 1, etag: "e" }]), /200 InternalError/);
    });

    test("a completion whose answer was lost is taken for done where the object is there, and an unknown upload is not", async (t) => {
      const { asked, bucket } = await odd(t, (request, response, count) => {
        if (count === 1) return void request.socket.destroy();
        if (request.method === "HEAD") return void response.writeHead(200, { "content-length": 5 }).end();
        response.writeHead(404).end(refusal("NoSuchUpload"));
      });
      const upload = bucket.resumeMultipartUpload("a", "1");
      await upload.complete([{ partNumber: 1, etag: "e" }]);
      assert.equal(asked.at(-1), "HEAD /bucket/a");
      await assert.rejects(upload.complete([{ partNumber: 1, etag: "e" }]), /404 NoSuchUpload/);
    });

    test("an S3 that stands still, before its answer or in the middle of it, fails in time", async (t) => {
      const { asked, bucket } = await odd(
        t,
        (request, response) => {
          if (request.method === "GET")
            response.writeHead(206, { "content-range": "bytes 0-9/10" }).write("half");
        },
        100,
      );
      await assert.rejects(bucket.head("a"), /S3 gave no answer to a look at a in 100 ms/);
      // Where the machine is busy, less than each of the four tries comes in time.
      assert.ok(asked.length <= 4);
      await assert.rejects(new S3Blobs(bucket).read("a", 0, 10), /S3 stopped in the middle of reading a/);
    });

    test("a whole object in place of a range is an error, and nobody's bytes", async (t) => {
      const { bucket } = await odd(t, (_, response) => void response.end("0123456789"));
      await assert.rejects(new S3Blobs(bucket).read("a", 3, 2), /all of a, and was asked for a range/);
    });

    test("a key that would lead elsewhere is none", async (t) => {
      const { asked, bucket } = await odd(t, (_, response) => void response.end());
      await assert.rejects(new S3Blobs(bucket, "prefix/").read("../a", 0, 1), /is a dot, or two/);
      assert.deepEqual(asked, []);
    });
  });
}
