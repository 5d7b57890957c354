/** Guards how `edgebatch serve` says that it cannot have its state where it was told to, and where an S3 is. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import pg from "pg";
import { s3Address } from "../../../js/node/serve/shared/address.ts";
import { Database } from "../../../js/node/serve/shared/database.ts";
import { edgebatch } from "../cli/command.ts";
import { env, freshState } from "./together.ts";

const keys = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };

test("a bucket is where its address, or the variables that all tools read, say it is", () => {
  for (const [files, more, url, prefix, region] of [
    ["s3://b", {}, "https://b.s3.us-east-1.amazonaws.com", "", "us-east-1"],
    ["s3://b/a/c/?region=eu-west-1", {}, "https://b.s3.eu-west-1.amazonaws.com", "a/c/", "eu-west-1"],
    ["s3://b.c/a", { AWS_REGION: "r" }, "https://s3.r.amazonaws.com/b.c", "a/", "r"],
    ["s3://b?endpoint=http://m:9000", {}, "http://m:9000/b", "", "us-east-1"],
    ["s3://b?style=host", { AWS_ENDPOINT_URL: "https://o.example" }, "https://b.o.example", "", "us-east-1"],
    ["s3://b?style=path", {}, "https://s3.us-east-1.amazonaws.com/b", "", "us-east-1"],
    [
      "s3://b/a%20b?region=auto",
      { AWS_ENDPOINT_URL_S3: "https://x.example/s3/", AWS_ENDPOINT_URL: "https://y" },
      ...(["https://x.example/s3/b", "a b/", "auto"] as const),
    ],
  ] as const) {
    const found = s3Address(files, { ...keys, ...more });
    assert.deepEqual([found.url, found.prefix, found.region], [url, prefix, region], files);
  }
  assert.throws(() => s3Address("s3://b", {}), /needs the variable AWS_ACCESS_KEY_ID/);
  assert.throws(
    () => s3Address("s3://b", { ...keys, AWS_ENDPOINT_URL: "m:9000" }),
    /AWS_ENDPOINT_URL must be/,
  );
});

/** Has these packages missing. */
const without = (name: string) => {
  const source = `import { registerHooks } from "node:module";
    registerHooks({ resolve: (at, context, next) => { if (at === "${name}") throw new Error("missing"); return next(at, context); } });`;
  return { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(source)}` };
};

export function refusalTests(): void {
  describe("edgebatch serve does not start, and says why,", { concurrency: 3 }, () => {
    const refused = async (args: string[], more: Record<string, string>, expected: RegExp) => {
      const { status, stderr } = await edgebatch(["serve", "--port", "0", ...args], {
        env: { ...env, ...more },
      });
      assert.match(stderr, expected);
      assert.doesNotMatch(stderr, /hidden|\n {4}at /);
      assert.equal(status, 2);
    };

    test("where a library is not installed", async () => {
      const state = await freshState();
      await refused(state, without("pg"), /--store postgres:\/\/… needs the package pg, .*: npm install pg/);
      await refused(
        state,
        without("aws4fetch"),
        /--files s3:\/\/… needs the package aws4fetch, .*: npm install aws4fetch/,
      );
    });

    test("where the database or the bucket cannot be reached, or is not there", async () => {
      const [, store = "", , files = ""] = await freshState();
      const away = store.replace(/:\d+\//, ":1/").replace("postgres@", "user:hidden@");
      // A server waits for a minute.
      await assert.rejects(
        Database.open(away, 10),
        /^Error: --store cannot be used: [^@]*ECONNREFUSED[^@]*$/,
      );
      await refused(
        ["--store", `${store}_none`, "--files", files],
        {},
        /--store cannot be used: database ".*_none" does not exist/,
      );
      const nowhere = files.replace(/bucket-/, "no-bucket-");
      await refused(
        ["--store", store, "--files", nowhere],
        {},
        /--files cannot be used: S3 refused .* 404 NoSuchBucket/,
      );
      await refused(
        ["--store", store, "--files", files],
        { AWS_SECRET_ACCESS_KEY: "" },
        /--files needs the variable AWS_SECRET_ACCESS_KEY/,
      );
    });

    test("where the schema needs a newer server", async () => {
      const state = await freshState();
      const client = new pg.Client({ connectionString: state[1] });
      await client.connect();
      await client.query(
        "CREATE SCHEMA edgebatch CREATE TABLE version (version integer, usable_from integer)",
      );
      await client.query("INSERT INTO edgebatch.version VALUES (9, 8)");
      await client.end();
      await refused(state, {}, /schema "edgebatch" is of version 9, and needs a server that knows version 8/);
    });

    test("and commands that work on a folder refuse a state that is shared", async () => {
      const [, store = ""] = await freshState();
      const shared = { EDGEBATCH_STORE: store, EDGEBATCH_FILES: "s3://b" };
      const { status, stderr } = await edgebatch(["keys", "list"], { env: shared });
      assert.match(stderr, /EDGEBATCH_STORE says that several servers share their state/);
      assert.equal(status, 2);
    });
  });
}
