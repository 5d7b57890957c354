import * as edgebatch from "edgebatch/manual";
import { run } from "../../../../common/run.js";
// By their files: Next.js does not find what a package exports where a question mark follows.
import calls from "../../../../node_modules/edgebatch/dist/wasm/edgebatch_bg.wasm?module";
import turns from "../../../../node_modules/edgebatch/dist/wasm/turns_bg.wasm?module";

export const runtime = "edge";

const loaded = edgebatch.load(calls, turns);

export async function GET() {
  await loaded;
  return new Response(await run(edgebatch));
}
