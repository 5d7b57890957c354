/**
 * `npm run simulate -- [--seeds N] [--first N] [--tenants N] [--batches N] [--requests N] [--servers N]`: worlds, one after the other. One that is broken
 * is made smaller and its history is printed.
 */

import { parseArgs } from "node:util";
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
  },
});
const given = (name: keyof typeof values, otherwise: number) => Number(values[name] ?? otherwise);
const [seeds, first] = [given("seeds", 100), given("first", 1)];
const size = {
  tenants: given("tenants", 2),
  batches: given("batches", 3),
  requests: given("requests", 60),
  servers: given("servers", 1),
};
const print = (line: string) => void process.stdout.write(`${line}\n`);
const sums = { virtualHours: 0, batches: 0, requests: 0, calls: 0, kills: 0, faults: 0 };
const begun = process.hrtime.bigint();
for (let seed = first; seed < first + seeds; seed++) {
  const options: WorldOptions = { seed, ...size };
  const report = await simulate(options);
  for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += report[name];
  if ((seed - first + 1) % 100 === 0) print(`${seed - first + 1} worlds hold: ${JSON.stringify(sums)}`);
  if (report.broken === undefined) continue;
  print(`seed ${seed} is broken: ${report.broken}`);
  const smallest = await shrink(options);
  for (const line of smallest.report.history) print(line);
  print(`${smallest.report.broken}\nwith ${JSON.stringify(smallest.options)}`);
  process.exit(1);
}
const seconds = Number((process.hrtime.bigint() - begun) / 1_000_000_000n);
print(`${seeds} worlds hold, in ${seconds} s: ${JSON.stringify(sums)}`);
process.exit();
