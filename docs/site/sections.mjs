// The order of the pages: what the sidebar and llms.txt show.

const page = (text, link) => ({ text, link });

export const sections = [
  {
    text: "Start",
    items: [page("Overview", "/overview"), page("Quick start", "/quick-start"), page("Questions", "/faq")],
  },
  {
    text: "Run it",
    items: [
      page("The server", "/server"),
      page("The Worker", "/worker"),
      page("A Worker of your own", "/examples/worker"),
      page("The command line", "/cli"),
      page("The page", "/page"),
      page("In front of a model server", "/model-servers"),
      page("Operations", "/operations"),
      page("Several machines", "/several-machines"),
      page("Moving a running batch", "/moving"),
      page("Webhooks", "/webhooks"),
    ],
  },
  {
    text: "Use it",
    items: [
      page("Clients", "/clients"),
      page("Results and retries", "/results"),
      page("Errors", "/errors"),
      page("Migration", "/migration"),
      page("Comparison", "/comparison"),
    ],
  },
  {
    text: "Build with it",
    items: [
      page("Runtimes and bundlers", "/runtimes"),
      page("Node", "/runtimes/node"),
      page("Bun", "/runtimes/bun"),
      page("Deno", "/runtimes/deno"),
      page("Cloudflare Workers", "/runtimes/workers"),
      page("Browsers", "/runtimes/browser"),
      page("Rust", "/runtimes/rust"),
      page("The WebAssembly component", "/component"),
      page("Hosts and adapters", "/hosts"),
      page("The library (TypeScript)", "/api/"),
    ],
  },
  {
    text: "How it works",
    items: [
      page("What the wire promises", "/contract"),
      page("Architecture", "/architecture"),
      page("Decisions", "/decisions/"),
      page("Security", "/security"),
      page("Benchmarks", "/benchmarks"),
      page("Contributing", "/contributing"),
      page("Changelog", "/changelog"),
    ],
  },
];

/** The first page, as VitePress wants it said in front of a page. */
export const home = {
  layout: "home",
  hero: {
    name: "edgebatch",
    text: "The OpenAI Batches API for your own models",
    tagline:
      "In front of a model server, in a Worker, a browser tab or your own program, on storage you already have. " +
      "Inference is at least once, results are exactly once, nothing is lost.",
    actions: [
      { theme: "brand", text: "Quick start", link: "/quick-start" },
      { theme: "alt", text: "Overview", link: "/overview" },
    ],
  },
  features: [
    {
      title: "A model server at home",
      details: "One process and one folder beside vLLM, SGLang, Ollama, llama.cpp or TGI. No database.",
      link: "/quick-start#a-model-server-at-home",
    },
    {
      title: "Cloudflare",
      details: "The same API from a Worker with Durable Objects and R2. Nothing to keep running.",
      link: "/quick-start#cloudflare",
    },
    {
      title: "A program",
      details: "A library for Node, Bun, Deno, Workers and browsers; a crate for Rust.",
      link: "/quick-start#a-program",
    },
  ],
};
