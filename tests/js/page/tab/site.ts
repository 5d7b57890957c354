/** Sites of one script each, for what only a real browser has. */

import { build } from "esbuild";
import { serve } from "../../hosts/model-server.ts";

/** The script of a name in one piece, with all that it imports. */
async function scriptOf(name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [new URL(`scripts/${name}.ts`, import.meta.url).pathname],
    ...{ bundle: true, write: false, format: "iife", target: "es2023", loader: { ".wasm": "binary" } },
    // What only Node has is never asked for here.
    ...{ external: ["node:*"], logLevel: "warning" },
  });
  return outputFiles[0]?.text ?? "";
}

/** Serves a page that runs a script of this folder's `scripts`, until the test file ends; gives its address. */
export async function serveScript(name: string): Promise<string> {
  const script = await scriptOf(name);
  return serve(({ url }, response) => {
    if (url === "/script.js") response.setHeader("content-type", "text/javascript").end(script);
    else if (url === "/")
      response
        .setHeader("content-type", "text/html")
        .end(
          '<!doctype html><title>tab</title><link rel="icon" href="data:"><script src="/script.js"></script>',
        );
    else response.writeHead(404).end();
  });
}
