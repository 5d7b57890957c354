/** Several machines: what they share, in a Postgres and an S3 that are started once for all of these tests. */

import { describe } from "node:test";
import { blobTests } from "./blobs.ts";
import "./kv.ts";
import { refusalTests } from "./refusals.ts";
import { serveTests } from "./serve.ts";
import { slotTests } from "./slots.ts";

// Most of the time they wait, each for something else.
describe("Several machines", { concurrency: 3 }, () => {
  serveTests();
  slotTests();
  blobTests();
  refusalTests();
});
