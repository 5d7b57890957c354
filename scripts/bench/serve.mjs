// The part of `npm run bench` that measures `edgebatch serve` from outside: gives its part of docs/benchmarks.md. `--large` adds
// a batch of a million requests.
import { node } from "../lib/env.mjs";
import { say } from "../lib/process.mjs";

export const serveTitle = "## The server";

/** `tools` are bench.mjs's own: `json` runs a program that prints JSON, `summary` and its kin sum up its rounds. */
export function serveSection({ quick, json, summary, cell, tenths, table, round }) {
  const measure = (setting) => json(node, ["benches/serve.mjs", JSON.stringify(setting)])[0];
  const rounds = quick ? 1 : 3;
  const share = quick ? 10 : 1;
  const loads = [
    { what: "instant answers, 50 in flight", latency: 0, inFlight: 50, requests: 20_000 },
    { what: "20 ms, 50 in flight", latency: 20, inFlight: 50, requests: 10_000 },
    { what: "300 ms, 200 in flight", latency: 300, inFlight: 200, requests: 6_000 },
  ].map((load) => {
    say(`bench: serve, ${load.what} …`);
    return measure({ ...load, requests: load.requests / share, rounds, clients: 50, every: 1 });
  });
  const pick = (result, whose, get) => summary(result.rounds.map((one) => get(one[whose])));
  const rows = loads.map((load) => {
    const { what, latency, inFlight } = load;
    const allowed = (inFlight / latency) * 1000;
    const running = ({ phases }) => (load.requests / (phases.finalizing - phases.in_progress)) * 1000;
    const speed = (whose, get = (one) => one.perSecond) => cell(pick(load, whose, get));
    const loop = summary(load.rounds.map(({ ours, plain }) => ours.perSecond / plain.perSecond));
    return [
      what,
      latency === 0 ? "" : round(allowed),
      ...[`**${speed("ours")}**`, speed("ours", running), speed("plain")],
      loop.median.toFixed(2),
      ...[cell(pick(load, "ours", (one) => one.memory)), cell(pick(load, "plain", (one) => one.memory))],
      tenths(pick(load, "ours", ({ looks }) => looks.p99)),
    ];
  });

  say("bench: serve, 5,000 clients …");
  const load = { latency: 300, inFlight: 200, requests: 6_000 / share, rounds, alone: true };
  const many = measure({ ...load, clients: quick ? 500 : 5_000, every: 5 });
  const looks = (get) => pick(many, "ours", ({ looks }) => get(looks));

  say("bench: serve, large batches …");
  const sizes = quick ? [1_000, 10_000] : [10_000, 100_000];
  if (process.argv.includes("--large")) sizes.push(1_000_000);
  const large = sizes.map((requests) => {
    const args = ["--max-requests", "10000000", "--max-file-bytes", "10000000000"];
    const setting = { latency: 0, inFlight: 200, requests, rounds: 1, clients: 50, every: 1 };
    const { ours } = measure({ ...setting, alone: true, small: true, args }).rounds[0];
    return [round(requests), round(ours.perSecond), round(ours.cpuMicroseconds), `${round(ours.memory)} MB`];
  });

  say("bench: serve, the start …");
  const start = measure({ start: quick ? 2 : 10 });

  return `${serveTitle}

\`edgebatch serve\` from outside, in a process of its own: a batch of requests and answers of about 2 KB, from its creation to
\`completed\`, and all results counted. The plain loop (\`benches/serve/loop.mjs\`) reads the file, asks with Node's
\`fetch\`, and writes a file: no check, no retry, no database, nothing left after a crash. Both ask the same model server, in
turns. That, 50 clients that look at the batch once a second, and what measures share the two processors. Memory is what the
system counts as resident, at most.

${table(
  [
    "model server",
    "its latency allows, a second",
    "edgebatch, a second",
    "while it runs",
    "plain loop, a second",
    "times the loop",
    "memory, MB",
    "the loop's, MB",
    "GET, 99th percentile, ms",
  ],
  rows,
)}

"While it runs" leaves out the check before and the writing of the files after. ${round(many.clients)} clients over a connection
each, which look every five seconds while 200 requests are in flight at 300 ms: ${tenths(looks(({ p50 }) => p50))} ms in the middle,
${tenths(looks(({ p99 }) => p99))} ms at the 99th percentile, none failed.

Requests of 400 bytes, 200 in flight, instant answers, each size once in a process of its own:

${table(["requests", "a second", "µs of processor a request", "memory at most"], large)}

From the start of a process to the first answer of its API, in milliseconds: ${round(summary(start.fresh).median)}
(${round(summary(start.fresh).low)}–${round(summary(start.fresh).high)}) with a new folder, ${cell(summary(start.again))} with one that is there.
`;
}
