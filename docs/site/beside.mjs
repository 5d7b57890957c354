// Puts the site beside the page, at `docs/`: with the headers that it wants, and with a word in the page, whose codes then lead to it.
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Doing it again changes nothing but the site. */
export function putBeside(page, site) {
  const change = (name, text) => {
    const file = join(page, name);
    const before = readFileSync(file, "utf8");
    writeFileSync(file, text(before));
  };
  const mark = "# The site of the papers";
  const headers = readFileSync(join(site, "_headers"), "utf8");
  rmSync(join(page, "docs"), { recursive: true, force: true });
  cpSync(site, join(page, "docs"), { recursive: true });
  change("_headers", (text) => `${text.split(`${mark}\n`)[0]}${mark}\n${headers}`);
  change("index.html", (text) => text.replace(/<html(?! data-docs)/, '<html data-docs="docs/"'));
}
