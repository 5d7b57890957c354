/** The Worker's own classes, in this process: what they import of their platform is given to them. */

import { registerHooks } from "node:module";
import type { Classes } from "./platform.ts";

const objects = "export class DurableObject { constructor(ctx, env) { this.ctx = ctx; this.env = env; } }";

registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== "cloudflare:workers") return next(specifier, context);
    return { url: `data:text/javascript,${encodeURIComponent(objects)}`, shortCircuit: true };
  },
  load(url, context, next) {
    if (!url.endsWith(".wasm")) return next(url, context);
    const source = `import { readFileSync } from "node:fs";
export default new WebAssembly.Module(readFileSync(new URL(${JSON.stringify(url)})));`;
    return { format: "module", source, shortCircuit: true };
  },
});

const worker = await import("../../../js/worker/index.ts");

export const { Tenant, Runner, Lane }: Classes = worker;
/** What a call, and the cron, come to. */
export const handler = worker.default;
