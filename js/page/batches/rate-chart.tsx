/** Requests a second over the time that the page has followed a batch. */
import { Chart } from "../chart.tsx";
import { clock, rate as rateWords } from "../format.ts";
import { ratesOf, type Sample } from "./pace.ts";

export function RateChart({ samples }: { samples: readonly Sample[] }) {
  const points = ratesOf(samples);
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || points.length < 2) return null;
  const plotted = points.map(({ at, rate }) => {
    const place = (at - first.at) / (last.at - first.at);
    return { from: place, to: place, value: rate, words: `${rateWords(rate)} at ${clock(at)}` };
  });
  return (
    <Chart label="Requests per second" plotted={plotted} ends={[clock(first.at), clock(last.at)]} line />
  );
}
