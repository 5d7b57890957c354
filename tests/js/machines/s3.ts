/** A server with S3's API, of the tests' own, until the process ends: moto, in a Python that set-up has made. */

import { strict as assert } from "node:assert";
import { type ChildProcess, spawn } from "node:child_process";
import { AwsClient } from "aws4fetch";
import { S3Bucket } from "../../../js/hosts/blobs/s3.ts";
import { pythonWith } from "../server/suite/python/client.ts";
import { freePort } from "./postgres.ts";

/** It believes everyone, and still every call must be signed. */
export const credentials = { accessKeyId: "test", secretAccessKey: "secret" };

export class S3Server {
  readonly endpoint: string;
  readonly #child: ChildProcess;
  #buckets = 0;

  private constructor(endpoint: string, child: ChildProcess) {
    this.endpoint = endpoint;
    this.#child = child;
    process.once("exit", () => child.kill("SIGKILL"));
  }

  static async start(): Promise<S3Server> {
    const port = await freePort();
    const args = ["-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", `${port}`];
    const child = spawn(pythonWith("s3"), args, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk) => {
      said = (said + chunk).slice(-2_000);
    });
    const endpoint = `http://127.0.0.1:${port}`;
    while (!(await fetch(endpoint).catch(() => null))?.ok) {
      assert.equal(child.exitCode, null, said);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return new S3Server(endpoint, child);
  }

  /** A new bucket, and its address. */
  async bucket(
    options: { timeoutMs?: number } = {},
  ): Promise<{ name: string; url: string; bucket: S3Bucket }> {
    const name = `bucket-${process.pid}-${++this.#buckets}`;
    const url = `${this.endpoint}/${name}`;
    const signer = signerOf();
    const made = await fetch(await signer.sign(url, { method: "PUT" }));
    assert.equal(made.status, 200, await made.text());
    return { name, url, bucket: new S3Bucket({ url, signer, ...options }) };
  }

  async down(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    if (this.#child.kill("SIGKILL")) await ended;
  }
}

export function signerOf(): AwsClient {
  return new AwsClient({ ...credentials, service: "s3", region: "us-east-1" });
}
