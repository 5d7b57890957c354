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

/** The text of `_headers`, in the form that Cloudflare and others read, for the pages of a site below `base`. */
export function headers(pages, base) {
  const rule = (path, scripts) => {
    const policy = [
      "default-src 'self'",
      `script-src ${["'self'", ...scripts].join(" ")}`,
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data:",
      "object-src 'none'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ];
    return `${path}*\n  ! Content-Security-Policy\n  Content-Security-Policy: ${policy.join("; ")}\n`;
  };
  // rustdoc has scripts of their own in a hundred pages, more than a header may name.
  return `${rule(base, inlineHashes(pages))}\n${rule(`${base}rust/`, ["'unsafe-inline'"])}`;
}

/** Writes `_headers` into the built site. */
export function writeHeaders(dist, base) {
  const names = readdirSync(dist, { recursive: true, encoding: "utf8" });
  const own = names.filter((name) => name.endsWith(".html") && !/^rust[\\/]/.test(name));
  const pages = own.map((name) => readFileSync(join(dist, name), "utf8"));
  writeFileSync(join(dist, "_headers"), headers(pages, base));
}
