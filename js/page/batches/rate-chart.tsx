/** Requests a second over the time that the page has followed a batch. Each value is read by pointer or arrow keys. */
import { useState } from "preact/hooks";
import { clock, rate as rateWords } from "../format.ts";
import { ratesOf, roundUp, type Sample } from "./pace.ts";

/** In units of the drawing, which is as wide as there is room. */
const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [600, 150, 46, 10, 24];

export function RateChart({ samples }: { samples: readonly Sample[] }) {
  const [chosen, setChosen] = useState<number | null>(null);
  const points = ratesOf(samples);
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || points.length < 2) return null;
  const top = roundUp(Math.max(...points.map(({ rate }) => rate)));
  const x = (at: number) => LEFT + ((WIDTH - LEFT - 6) * (at - first.at)) / (last.at - first.at);
  const y = (rate: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - rate / top);
  const at = chosen === null ? points.length - 1 : Math.min(chosen, points.length - 1);
  const point = points[at] ?? last;
  const words = `${rateWords(point.rate)} at ${clock(point.at)}`;
  const nearest = (event: PointerEvent) => {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect();
    const place = ((event.clientX - left) / width) * WIDTH;
    const distances = points.map(({ at: moment }) => Math.abs(x(moment) - place));
    setChosen(distances.indexOf(Math.min(...distances)));
  };
  const keys = (event: KeyboardEvent) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: points.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setChosen(Math.max(0, Math.min(points.length - 1, to)));
  };
  return (
    <figure class="rate-chart">
      <figcaption class="muted">
        Requests per second <output>{chosen === null ? "" : words}</output>
      </figcaption>
      <div
        role="slider"
        tabIndex={0}
        aria-label="Requests per second, by time"
        aria-valuemin={0}
        aria-valuemax={points.length - 1}
        aria-valuenow={at}
        aria-valuetext={words}
        onPointerMove={nearest}
        onPointerLeave={() => setChosen(null)}
        onKeyDown={keys}
        onFocus={() => setChosen(at)}
        onBlur={() => setChosen(null)}
      >
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
          {[0, top / 2, top].map((value) => (
            <g key={value}>
              <line class="grid" x1={LEFT} x2={WIDTH - 6} y1={y(value)} y2={y(value)} />
              <text x={LEFT - 8} y={y(value) + 4} text-anchor="end">
                {value.toLocaleString("en")}
              </text>
            </g>
          ))}
          <text x={LEFT} y={HEIGHT - 4}>
            {clock(first.at)}
          </text>
          <text x={WIDTH - 6} y={HEIGHT - 4} text-anchor="end">
            {clock(last.at)}
          </text>
          <polyline class="rate" points={points.map((each) => `${x(each.at)},${y(each.rate)}`).join(" ")} />
          {chosen !== null && (
            <>
              <line class="chosen" x1={x(point.at)} x2={x(point.at)} y1={TOP} y2={HEIGHT - BOTTOM} />
              <circle class="chosen" cx={x(point.at)} cy={y(point.rate)} r="4" />
            </>
          )}
        </svg>
      </div>
    </figure>
  );
}
