/** Temporary directories that go when the test file ends. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

const root = mkdtempSync(join(tmpdir(), "edgebatch-hosts-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** A fresh, empty directory. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(root, "t-"));
}
