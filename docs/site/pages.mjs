// The pages of the site, made of the papers as they stand in the repository: copied, and their links led to where their targets are on
// the site. A linked file that is no paper becomes a page that shows it.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { home, sections } from "./sections.mjs";

const site = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(site));
const out = join(site, "pages");

/** Papers that have another name on the site, as `README` says nothing there. */
const renamed = {
  "README.md": "overview.md",
  "ARCHITECTURE.md": "architecture.md",
  "CONTRIBUTING.md": "contributing.md",
  "SECURITY.md": "security.md",
  "CHANGELOG.md": "changelog.md",
  "docs/decisions/README.md": "decisions/index.md",
  "examples/worker/README.md": "examples/worker.md",
};

/** The page of each paper. */
function pages() {
  const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .map((name) => `docs/${name.replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".md") && !name.startsWith("docs/site/"));
  const places = new Map(docs.map((name) => [name, name.slice("docs/".length)]));
  for (const [from, to] of Object.entries(renamed)) places.set(from, to);
  return places;
}

/** Calls `change` with every line outside of fenced code. */
export function outsideCode(text, change) {
  let fence = null;
  return text
    .split("\n")
    .map((line) => {
      const mark = /^ {0,3}(```+|~~~+)/.exec(line)?.[1];
      if (mark !== undefined && (fence === null || mark.startsWith(fence))) {
        fence = fence === null ? mark : null;
        return line;
      }
      return fence === null ? change(line) : line;
    })
    .join("\n");
}

/** A link as it is on the site. */
function ledTo(link, from, places, files) {
  if (/^([a-z]+:|#|\/)/.test(link)) return link;
  const [path, anchor] = link.split("#");
  const target = posix.normalize(posix.join(posix.dirname(from), path));
  const here = posix.dirname(places.get(from));
  const relative = (to) => {
    const way = posix.relative(here, to);
    return `${way.startsWith(".") ? way : `./${way}`}${anchor === undefined ? "" : `#${anchor}`}`;
  };
  if (places.has(target)) return relative(places.get(target));
  if (!existsSync(join(root, target)) || statSync(join(root, target)).isDirectory()) {
    throw new Error(`docs: ${from} links to ${link}, which the site cannot show`);
  }
  if (/\.(png|svg)$/.test(target)) {
    files.set(target, `images/${posix.basename(target)}`);
    return relative(`images/${posix.basename(target)}`);
  }
  files.set(target, `files/${target}.md`);
  return relative(`files/${target}.md`);
}

/** The text of a paper with its links led on, and what Vue would take for its own set apart. */
function led(text, from, places, files) {
  const links = (part) =>
    part
      .replace(/\]\(([^)\s]+)\)/g, (_, link) => `](${ledTo(link, from, places, files)})`)
      .replace(
        /\b(src|srcset|href)="([^"]+)"/g,
        (_, name, link) => `${name}="${ledTo(link, from, places, files)}"`,
      );
  // Between single backquotes nothing is a link.
  return outsideCode(text, (line) =>
    line
      .split(/(`[^`]*`)/)
      .map((part, index) => (index % 2 === 1 ? part : links(part)))
      .join(""),
  );
}

function write(name, content) {
  mkdirSync(dirname(join(out, name)), { recursive: true });
  writeFileSync(join(out, name), content);
}

/** The first sentence of a paper. */
function firstSentence(paper) {
  const paragraphs = paper.replace(/^---\n[\s\S]*?\n---\n/, "").split(/\n\s*\n/);
  const first = paragraphs.find((text) => /^[A-Z]/.test(text) && !text.includes("```"));
  const plain = first?.replaceAll(/\s+/g, " ").replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  return plain?.split(/(?<=[.!?:])\s/)[0]?.replace(/:$/, ".");
}

/** What language models read first: the names of the pages, each with its first sentence. */
function llms(places) {
  const sources = new Map([...places].map(([from, to]) => [`/${to.replace(/(index)?\.md$/, "")}`, from]));
  const line = ({ text, link }) => {
    const source = sources.get(link);
    const said = source === undefined ? undefined : firstSentence(readFileSync(join(root, source), "utf8"));
    const page = `.${link.endsWith("/") ? `${link}index` : link}.html`;
    return `- [${text}](${page})${said === undefined ? "" : `: ${said}`}`;
  };
  const parts = sections.map(({ text, items }) => `## ${text}\n\n${items.map(line).join("\n")}\n`);
  return `# edgebatch\n\n> The OpenAI Batches API for your own models.\n\n${parts.join("\n")}`;
}

/** What the highlighter calls these. */
const languages = { service: "ini", mjs: "js", jsonl: "json" };

/** Writes all pages anew; gives their number. */
export function writePages() {
  rmSync(out, { recursive: true, force: true });
  const places = pages();
  const files = new Map();
  for (const [from, to] of places) {
    write(to, led(readFileSync(join(root, from), "utf8"), from, places, files));
  }
  for (const [from, to] of files) {
    const content = readFileSync(join(root, from));
    const ending = from.split(".").at(-1);
    if (!to.endsWith(".md")) write(to, content);
    else
      write(
        to,
        `# ${from}\n\n\`\`\`\`${languages[ending] ?? ending}\n${content.toString("utf8").trimEnd()}\n\`\`\`\`\n`,
      );
  }
  write("index.md", `---\n${JSON.stringify(home, null, 2)}\n---\n`);
  write("public/llms.txt", llms(places));
  return places.size + files.size + 1;
}
