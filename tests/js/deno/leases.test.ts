/** Several processes of Deno over one file of Deno's key-value store share its batches. */

import { join } from "node:path";
import { leaseSuite } from "../leases-suite.ts";
import { BridgedKV } from "./bridge.ts";
import { deno, opened } from "./children.ts";

const pathIn = (directory: string) => join(directory, "kv.db");

leaseSuite(
  "one file of Deno",
  {
    async open(directory) {
      const kv = new BridgedKV(pathIn(directory));
      return { kv, close: () => kv.close(), isFree: kv.isFree };
    },
    source: (directory) => opened(pathIn(directory)),
    command: deno,
  },
  [1, 1_500, 2_900],
);
