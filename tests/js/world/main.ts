/**
 * `npm run simulate -- [--seeds N] [--first N] [--tenants N] [--batches N] [--requests N] [--servers N] [--hours N] [--workers]`: worlds, one after the other. One that is broken
 * is made smaller and its history is printed.
 */

import { parseArgs } from "node:util";
import { grown, type Sample } from "./measure.ts";
import { shrink } from "./shrink.ts";
import { simulate, type WorldOptions } from "./world.ts";

const number = { type: "string" } as const;
const { values } = parseArgs({
  options: {
    seeds: number,
    first: number,
    tenants: number,
    batches: number,
    requests: number,
    servers: number,
    hours: number,
    workers: { type: "boolean" },
  },
});
const given = (name: keyof typeof values, otherwise: number) => Number(values[name] ?? otherwise);
const hours = values.hours === undefined ? {} : { hours: Number(values.hours) };
const [seeds, first] = [given("seeds", values.hours === undefined ? 100 : 1), given("first", 1)];
const size = {
  tenants: given("tenants", 2),
  batches: given("batches", 3),
  requests: given("requests", 60),
  servers: given("servers", 1),
  ...hours,
  ...(values.workers && { workers: true, tenants: given("tenants", 2) }),
};
const print = (line: string) => void process.stdout.write(`${line}\n`);
const measured = ({ hour, batches, heapBytes, timers }: Sample) =>
  print(`hour ${hour}: ${batches} batches, ${(heapBytes / 1e6).toFixed(1)} MB in use, ${timers} timers`);
const sums = { virtualHours: 0, batches: 0, requests: 0, calls: 0, kills: 0 };
const faults: Record<string, number> = {};
const begun = process.hrtime.bigint();
for (let seed = first; seed < first + seeds; seed++) {
  const options: WorldOptions = { seed, ...size, measured };
  const report = await simulate(options);
  for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += report[name];
  for (const [name, times] of Object.entries(report.faults)) faults[name] = (faults[name] ?? 0) + times;
  if ((seed - first + 1) % 100 === 0) print(`${seed - first + 1} worlds hold: ${JSON.stringify(sums)}`);
  if (report.samples.length > 0) report.broken ??= grown(report) ?? undefined;
  if (report.broken === undefined) continue;
  print(`seed ${seed} is broken: ${report.broken}`);
  if (values.hours !== undefined) process.exit(1);
  const smallest = await shrink(options);
  for (const line of smallest.report.history) print(line);
  print(`${smallest.report.broken}\nwith ${JSON.stringify(smallest.options)}`);
  process.exit(1);
}
const seconds = Number((process.hrtime.bigint() - begun) / 1_000_000_000n);
print(`${seeds} worlds hold, in ${seconds} s: ${JSON.stringify({ ...sums, faults })}`);
process.exit();
