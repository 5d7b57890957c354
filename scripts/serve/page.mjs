// `npm run page`: sets up, builds and serves the page by itself, on this machine alone. Another static host does as
// well: all it has to do is serve dist/page, with the headers that its file _headers names.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { build } from "../build.mjs";
import { root } from "../lib/env.mjs";
import { Failure, main, say } from "../lib/process.mjs";

const folder = join(root, "dist/page");

/** The rules of _headers, in the form that Cloudflare, Netlify and others read: `!` takes a header away again. */
function headerRules() {
  const rules = [];
  for (const line of readFileSync(join(folder, "_headers"), "utf8").split("\n")) {
    if (line.trim() === "") continue;
    if (!line.startsWith(" ")) {
      const pattern = line
        .trim()
        .replace(/[.+?^${}()|[\]\\]/g, "\\$&")
        .replaceAll("*", ".*");
      rules.push({ path: new RegExp(`^${pattern}$`), headers: [] });
      continue;
    }
    const [, away, name, value] = /^\s+(! )?([\w-]+)(?::\s*(.*))?$/.exec(line) ?? [];
    if (name === undefined) throw new Failure(`page: a line of _headers is not understood: ${line}`);
    rules.at(-1).headers.push({ name, value: away ? null : value });
  }
  return rules;
}

main(async () => {
  // Tests have built already.
  if (!process.argv.includes("--built")) build();
  const { default: sirv } = await import("sirv");
  const rules = headerRules();
  const files = sirv(folder, {
    setHeaders(response, path) {
      for (const rule of rules.filter((each) => each.path.test(path))) {
        for (const { name, value } of rule.headers) {
          if (value === null) response.removeHeader(name);
          else response.setHeader(name, value);
        }
      }
    },
  });
  const server = createServer((request, response) => {
    files(request, response, () => {
      response.writeHead(404, { "content-type": "text/plain" }).end("Not found\n");
    });
  });
  const host = process.env.HOST || "localhost";
  const port = Number(process.env.PORT || 8080);
  server.on("error", (error) => {
    process.stderr.write(`page: ${error.message}\n`);
    process.exitCode = 1;
  });
  server.listen(port, host, () => {
    say(`The page is at http://${host}:${server.address().port}/ (Ctrl+C stops it)`);
  });
});
