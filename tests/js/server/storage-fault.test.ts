/** Guards what callers are told when the place of the server's state is at fault. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import "../../../js/entry/node.ts";
import { app } from "../../../js/server/app.ts";
import { storageFault } from "../../../js/server/observe/storage-fault.ts";
import { ports } from "./memory.ts";

test("faults of the disk are told apart by what SQLite and the system say, and nothing else is taken for one", () => {
  for (const [message, fault] of [
    ["ENOSPC: no space left on device, write", "full"],
    ["EDQUOT: disk quota exceeded, write", "full"],
    ["database or disk is full", "full"],
    ["EROFS: read-only file system, open '/data/blobs/.writing/x'", "read_only"],
    ["EACCES: permission denied, open '/data/x'", "read_only"],
    ["attempt to write a readonly database", "read_only"],
    ["database disk image is malformed", "damaged"],
    ["cannot open the store /data/tenants/a.sqlite: file is not a database", "damaged"],
    ["EIO: i/o error, read", "failing"],
    ["disk I/O error", "failing"],
    ["ENOTDIR: not a directory, open '/data/blobs/.writing/x'", "failing"],
    ["unable to open database file", "failing"],
    ["No space left on device (os error 28)", "full"],
    ["Read-only file system (os error 30)", "read_only"],
    ["Permission denied (os error 13)", "read_only"],
    ["Input/output error (os error 5)", "failing"],
    ["database is locked", null],
    ["records of the tenant change all the time", null],
    ["fetch failed: ECONNREFUSED", null],
  ] as const) {
    assert.equal(storageFault(new Error(message)), fault, message);
  }
});

test("a caller learns what is wrong and that it is no fault of its own, with no path or host in it", async (t) => {
  const lines: string[] = [];
  t.mock.method(console, "error", (line: string) => lines.push(line));
  for (const [message, status, code, retry] of [
    ["ENOSPC: no space left on device, open '/data/secret'", 503, "storage_full", null],
    ["EROFS: read-only file system, open '/data/secret'", 503, "storage_read_only", null],
    ["cannot open the store /data/secret: file is not a database", 500, "storage_damaged", "false"],
    ["EIO: i/o error, read '/data/secret'", 503, "storage_failing", null],
  ] as const) {
    const here = ports({
      tenant: () => {
        throw new Error(message);
      },
    });
    const answer = await app.fetch(new Request("http://localhost/v1/files"), here);
    const text = await answer.text();
    assert.deepEqual([answer.status, answer.headers.get("x-should-retry")], [status, retry]);
    const { error } = JSON.parse(text);
    assert.deepEqual([error.type, error.code], ["server_error", code]);
    assert.doesNotMatch(text, /secret/);
    const request = answer.headers.get("x-request-id");
    assert.ok(error.message.includes(request));
    const logged = JSON.parse(lines.at(-1) as string);
    assert.deepEqual([logged.request, logged.message], [request, message]);
  }
});
