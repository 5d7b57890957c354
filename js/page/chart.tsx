/** A chart with axes. Each value is read by pointer or arrow keys. */
import { useState } from "preact/hooks";

export interface Plotted {
  /** Where it begins and ends, from 0 to 1: in one place as a point of a line, else as a bar. */
  from: number;
  to: number;
  value: number;
  words: string;
}

/** In units of the drawing, which is as wide as there is room. */
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [600, 150, 54, 6, 10, 24];

const axisWords = new Intl.NumberFormat("en", { notation: "compact" });

export function Chart(props: { label: string; plotted: Plotted[]; ends: [string, string]; line?: boolean }) {
  const { label, plotted, ends, line = false } = props;
  const [chosen, setChosen] = useState<number | null>(null);
  const top = roundUp(Math.max(...plotted.map(({ value }) => value)));
  const x = (share: number) => LEFT + (WIDTH - LEFT - RIGHT) * share;
  const y = (value: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const middle = ({ from, to }: Plotted) => x((from + to) / 2);
  const last = plotted.length - 1;
  const at = Math.min(chosen ?? last, last);
  const point = plotted[at];
  if (!point) return null;
  const nearest = (event: PointerEvent) => {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect();
    const place = ((event.clientX - left) / width) * WIDTH;
    const distances = plotted.map((each) => Math.abs(middle(each) - place));
    setChosen(distances.indexOf(Math.min(...distances)));
  };
  const keys = (event: KeyboardEvent) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setChosen(Math.max(0, Math.min(last, to)));
  };
  const isHalf = line || Number.isInteger(top / 2);
  return (
    <figure class="chart">
      <figcaption class="muted">
        {label} <output>{chosen === null ? "" : point.words}</output>
      </figcaption>
      <div
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={at}
        aria-valuetext={point.words}
        onPointerMove={nearest}
        onPointerLeave={() => setChosen(null)}
        onKeyDown={keys}
        onFocus={() => setChosen(at)}
        onBlur={() => setChosen(null)}
      >
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
          {(isHalf ? [0, top / 2, top] : [0, top]).map((value) => (
            <g key={value}>
              <line class="grid" x1={LEFT} x2={WIDTH - RIGHT} y1={y(value)} y2={y(value)} />
              <text x={LEFT - 8} y={y(value) + 4} text-anchor="end">
                {axisWords.format(value)}
              </text>
            </g>
          ))}
          {ends.map((words, i) => (
            <text key={i} x={x(i)} y={HEIGHT - 4} text-anchor={i ? "end" : "start"}>
              {words}
            </text>
          ))}
          {line && (
            <polyline
              class="curve"
              points={plotted.map((each) => `${x(each.from)},${y(each.value)}`).join(" ")}
            />
          )}
          {!line &&
            plotted.map(({ from, to, value }, i) => (
              <rect
                key={from}
                class={i === chosen ? "chosen" : ""}
                x={x(from)}
                width={0.88 * (x(to) - x(from))}
                // What is there is seen, however little it is beside others.
                y={Math.min(y(value), y(0) - (value && 1.5))}
                height={Math.max(y(0) - y(value), value && 1.5)}
              />
            ))}
          {line && chosen !== null && (
            <>
              <line class="chosen" x1={x(point.from)} x2={x(point.from)} y1={TOP} y2={HEIGHT - BOTTOM} />
              <circle cx={x(point.from)} cy={y(point.value)} r="4" />
            </>
          )}
        </svg>
      </div>
    </figure>
  );
}

/** The first of 1, 2 and 5 times a power of ten that is not below a value: a round end for an axis. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((end) => end >= value) ?? 10 * power;
}
