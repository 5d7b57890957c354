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
