import { sections } from "../sections.mjs";

export default {
  title: "edgebatch",
  description: "The OpenAI Batches API for your own models.",
  lang: "en",
  base: process.env.DOCS_BASE ?? "/docs/",
  srcDir: "pages",
  outDir: "dist",
  // A link that leads nowhere fails the build.
  ignoreDeadLinks: [/^https?:\/\/localhost/],
  lastUpdated: false,
  // What differs from page to page in a script of its own, so that a policy can name the scripts inside pages by their hashes.
  metaChunk: true,
  head: [["link", { rel: "icon", href: "data:," }]],
  markdown: {
    // Headings have the addresses that they have in the repository: the papers link to these.
    anchor: {
      slugify: (text) =>
        text
          .trim()
          .toLowerCase()
          .replaceAll(/[^\w\- ]/g, "")
          .replaceAll(" ", "-"),
    },
    // What stands between < and > in the papers is text, but for the picture of the overview.
    html: true,
    languageAlias: { caddyfile: "nginx" },
  },
  themeConfig: {
    search: { provider: "local" },
    sidebar: [
      ...sections.slice(0, 3).map((section) => ({ ...section, collapsed: false })),
      ...sections.slice(3).map((section) => ({ ...section, collapsed: true })),
    ],
    nav: [
      { text: "Quick start", link: "/quick-start" },
      { text: "Errors", link: "/errors" },
      { text: "Library", link: "/api/" },
      { text: "Crate", link: "/rust/edgebatch/index.html", target: "_self" },
    ],
    outline: { level: [2, 3] },
  },
};
