// The headers that the site wants where it is served with a policy: only its own scripts, and those inside its pages by their hashes.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The hashes of the scripts inside some pages, as a policy names them. */
export function inlineHashes(pages) {
  const found = new Set();
  for (const page of pages) {
    for (const [, attributes, script] of page.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g)) {
      if (/\ssrc=|type="application\/(ld\+)?json"/.test(attributes) || script === "") continue;
      found.add(`'sha256-${createHash("sha256").update(script).digest("base64")}'`);
    }
  }
  return [...found].sort();
}

/** Writes `_headers`, in the form that Cloudflare and others read. */
export function writeHeaders(dist, base) {
  const names = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".html"),
  );
  const hashes = inlineHashes(names.map((name) => readFileSync(join(dist, name), "utf8")));
  const policy = [
    "default-src 'self'",
    `script-src ${["'self'", ...hashes].join(" ")}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  writeFileSync(
    join(dist, "_headers"),
    `${base}*\n  ! Content-Security-Policy\n  Content-Security-Policy: ${policy.join("; ")}\n`,
  );
}
