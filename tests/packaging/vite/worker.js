/** It listens at once: what is posted before the core has come is not lost. */
import * as edgebatch from "edgebatch/manual";
import calls from "edgebatch/wasm/edgebatch_bg.wasm?url";
import turns from "edgebatch/wasm/turns_bg.wasm?url";
import { run } from "../common/run.js";

const loaded = edgebatch.load(new URL(calls, location.href), new URL(turns, location.href));
addEventListener("message", async () => {
  await loaded;
  postMessage(await run(edgebatch));
});
