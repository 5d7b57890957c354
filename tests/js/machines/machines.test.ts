/** Several machines: what they share, in a Postgres and an S3 that are started once for all of these tests. */

import "./blobs.ts";
import "./kv.ts";
import "./refusals.ts";
import "./serve.ts";
