import * as edgebatch from "edgebatch";
import { run } from "../../../../common/run.js";

export const dynamic = "force-dynamic";

export async function GET() {
  return new Response(await run(edgebatch));
}
