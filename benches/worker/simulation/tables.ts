/** What a million requests take and cost, by what is in flight and how long answers take: the tables of docs/worker.md. */

import { dollars, prices, type Usage } from "./meter.ts";
import { type SimulationReport, simulate } from "./simulate.ts";

const MILLION = 1_000_000;
const all = [2, 5, 10, 30, 60];
const columns = [
  { name: "6 in flight", inFlight: 6, stream: false },
  { name: "60, ten lanes", inFlight: 60, stream: false },
  { name: "600, a hundred lanes", inFlight: 600, stream: false },
  { name: "256 streams", inFlight: 256, stream: true },
];
/** Of which latency the parts of the cost are told. */
const TOLD_SECONDS = 10;

interface Cell {
  /** For a million. */
  seconds: number;
  usage: Usage;
  /** What is used of what may be in flight, from turn to turn. */
  used: number;
}

/** A smaller batch, of some turns, by which a million is reckoned: what happens from turn to turn is the same for ever. */
async function cell(seconds: number, { inFlight, stream }: (typeof columns)[number]): Promise<Cell> {
  // Of a turn at most: by its time, or by its subrequests.
  const ofTurn = Math.min(9_000, (240 / seconds) * inFlight);
  const requests = Math.round(Math.max(2.3 * ofTurn, 1_500));
  const report = await simulate({ requests, inFlight, latencyMs: 1_000 * seconds, stream });
  const { seconds: total, runningSeconds } = report;
  if (report.status !== "completed") throw new Error(`the batch is ${report.status}`);
  const rate = steadyRate(report);
  const times = MILLION / requests;
  return {
    seconds: MILLION / rate + times * (total - runningSeconds),
    usage: atSize(times, report),
    used: (rate * seconds) / inFlight,
  };
}

/** Of a batch that is so many times as large. What comes after its end comes once. */
function atSize(times: number, { usage, usedByEnd }: SimulationReport): Usage {
  const keys = Object.keys(usage) as (keyof Usage)[];
  const scaled = { ...usage };
  for (const key of keys) scaled[key] = usage[key] + (times - 1) * usedByEnd[key];
  return scaled;
}

/** Requests a second over all whole turns but the first, in which the file is validated. */
function steadyRate({ turns }: SimulationReport): number {
  const first = turns[1];
  const last = turns.findLast(({ answered }, i) => answered > (turns[i - 1]?.answered ?? 0));
  if (!first || !last || last.at <= first.at) throw new Error("there are too few turns to tell");
  return (last.answered - first.answered) / (last.at - first.at);
}

/** The tables of all latencies, or with the rows of some alone. */
export async function costTables(latencies: readonly number[] = all): Promise<string> {
  const cells: Cell[][] = [];
  for (const seconds of latencies) {
    const row: Cell[] = [];
    for (const column of columns) row.push(await cell(seconds, column));
    cells.push(row);
  }
  const times = cells.map((row, i) => [
    `${latencies[i]} s`,
    ...row.map(({ seconds, usage }) => `${duration(seconds)}, ${money(dollars(usage))}`),
  ]);
  const used = cells.map((row, i) => [
    `${latencies[i]} s`,
    ...row.map(({ used }) => `${Math.round(100 * used)} %`),
  ]);
  const told = cells[latencies.indexOf(TOLD_SECONDS)] as Cell[];
  const names = columns.map(({ name }) => name);
  return [
    table(["answers take", ...names], times),
    "Of what may be in flight is, turn after turn:",
    table(["answers take", ...names], used),
    `What the cost is made of, with answers of ${TOLD_SECONDS} s:`,
    table(
      ["part", "price", ...names],
      parts.map(([name, price, of]) => [name, price, ...told.map(({ usage }) => of(usage))]),
    ),
  ].join("\n\n");
}

const count = (value: number) => {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} million`;
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, value))) - 1);
  return (Math.round(value / step) * step).toLocaleString("en-US");
};
const priced = (amount: number, price: number) => `${count(amount)}, ${money(amount * price)}`;
const each = (price: number) => `$${(1e6 * price).toFixed(price < 1e-8 ? 3 : 2)} a million`;
const parts: [string, string, (usage: Usage) => string][] = [
  [
    "time of objects, GB-s",
    each(prices.gigabyteSecond),
    ({ gigabyteSeconds }) => priced(gigabyteSeconds, prices.gigabyteSecond),
  ],
  [
    "calls to objects",
    each(prices.objectRequest),
    ({ objectRequests }) => priced(objectRequests, prices.objectRequest),
  ],
  ["rows written", each(prices.rowWritten), ({ rowsWritten }) => priced(rowsWritten, prices.rowWritten)],
  ["rows read", each(prices.rowRead), ({ rowsRead }) => priced(rowsRead, prices.rowRead)],
  ["R2, writes", each(prices.r2Write), ({ r2Writes }) => priced(r2Writes, prices.r2Write)],
  ["R2, reads", each(prices.r2Read), ({ r2Reads }) => priced(r2Reads, prices.r2Read)],
];

function duration(seconds: number): string {
  const [minutes, hours, days] = [seconds / 60, seconds / 3_600, seconds / 86_400];
  if (minutes < 90) return `${Math.round(minutes)} min`;
  if (hours < 36) return `${hours.toFixed(hours < 10 ? 1 : 0)} h`;
  return `${days.toFixed(days < 10 ? 1 : 0)} days`;
}

function money(value: number): string {
  return value < 0.005 ? "under $0.01" : `$${value.toFixed(2)}`;
}

function table(head: string[], rows: string[][]): string {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => (row[i] as string).length)));
  const line = (cells: string[], pad = " ") =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] as number, pad)).join(" | ")} |`;
  return [
    line(head),
    line(
      head.map(() => ""),
      "-",
    ),
    ...rows.map((row) => line(row)),
  ].join("\n");
}
