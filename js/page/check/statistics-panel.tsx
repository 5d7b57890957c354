/** What the file is like: numbers, models, sizes, longest lines. */
import { sizeFrom } from "../../core/validator.ts";
import { Chart } from "../chart.tsx";
import { Fact } from "../fact.tsx";
import { bytes, count, plural, share } from "../format.ts";
import { EstimateCard } from "./estimate-card.tsx";
import { LineView } from "./line-view.tsx";
import type { Session } from "./session.ts";

const MOST_BARS = 24;
const MOST_MODELS = 8;

export function StatisticsPanel({ session }: { session: Session }) {
  const counts = session.counts.value;
  const statistics = session.statistics.value;
  if (!counts || !statistics) return <p class="empty">Nothing read yet.</p>;
  const { requestCount, lineCount } = counts;
  const duplicates = statistics.codes.find(({ name }) => name === "duplicate_custom_id")?.count ?? 0;
  const blank = lineCount - requestCount;
  return (
    <div class="statistics">
      <section class="card">
        <h3>Counts</h3>
        <dl class="facts">
          <Fact name="Requests" value={count(requestCount)} />
          <Fact name="Bytes" value={bytes(counts.bytes)} />
          <Fact
            name="Average bytes per line"
            value={requestCount ? bytes(Math.round(counts.bytes / requestCount)) : "–"}
          />
          <Fact name="Duplicate IDs" value={count(duplicates)} />
          <Fact name="Blank lines" value={count(Math.max(0, blank))} />
        </dl>
      </section>
      <Models session={session} />
      <EstimateCard session={session} />
      <section class="card">
        <h3>Request sizes</h3>
        <Sizes sizes={statistics.sizes} />
      </section>
      <section class="card">
        <h3>Longest lines</h3>
        <ol class="longest">
          {statistics.longest.map(({ line, bytes: size }) => (
            <li key={line}>
              <button
                type="button"
                class="link"
                onClick={() => {
                  session.reveal = true;
                  session.show(line, null);
                }}
              >
                Line {count(line)}
              </button>
              <span>{bytes(size)}</span>
            </li>
          ))}
        </ol>
      </section>
      {session.line.value && <LineView session={session} />}
    </div>
  );
}

function Models({ session }: { session: Session }) {
  const { models = [], otherModels = 0 } = session.statistics.value ?? {};
  const total = session.counts.value?.requestCount ?? 0;
  const sorted = [...models].sort((a, b) => b.count - a.count);
  const rest = sorted.slice(MOST_MODELS).reduce((sum, model) => sum + model.count, otherModels);
  const shown = sorted.slice(0, MOST_MODELS);
  if (rest > 0) shown.push({ name: "others", count: rest });
  const none = total - shown.reduce((sum, model) => sum + model.count, 0);
  if (none > 0) shown.push({ name: "none or unreadable", count: none });
  return (
    <section class="card">
      <h3>Models</h3>
      <ul class="models">
        {shown.map(({ name, count: times }) => (
          <li key={name}>
            <span class="model-name">{name}</span>
            <span class="model-count">
              {count(times)} <span class="muted">{share(times, total)}</span>
            </span>
            <span class="bar" aria-hidden="true">
              <span style={{ width: `${(100 * times) / Math.max(1, total)}%` }} />
            </span>
          </li>
        ))}
      </ul>
      <p class="muted">Only the server knows which models it offers.</p>
    </section>
  );
}

/** Neighbouring classes of sizes together, so that there are not too many. */
export function bars(sizes: number[]): { from: number; to: number; count: number }[] {
  const first = sizes.findIndex((times) => times > 0);
  if (first < 0) return [];
  const each = Math.max(1, Math.ceil((sizes.length - first) / MOST_BARS));
  const found = [];
  for (let i = first; i < sizes.length; i += each) {
    const times = sizes.slice(i, i + each).reduce((sum, one) => sum + one, 0);
    found.push({ from: sizeFrom(i), to: sizeFrom(i + each), count: times });
  }
  return found.filter(({ from, to }) => to > from);
}

function Sizes({ sizes }: { sizes: number[] }) {
  const shown = bars(sizes);
  const [smallest, largest] = [shown[0], shown.at(-1)];
  if (!smallest || !largest) return <p class="muted">No requests yet.</p>;
  const most = Math.max(...shown.map((bar) => bar.count));
  const fullest = shown.find((bar) => bar.count === most) ?? smallest;
  const isOne = shown.length === 1;
  return (
    <>
      {!isOne && (
        <Chart
          label="Number of requests"
          plotted={shown.map((bar, i) => ({
            from: i / shown.length,
            to: (i + 1) / shown.length,
            value: bar.count,
            words: `${bytes(bar.from)} to ${bytes(bar.to)}: ${plural(bar.count, "request")}`,
          }))}
          ends={[bytes(smallest.from), bytes(largest.to)]}
        />
      )}
      <p class="muted">
        {isOne ? "All" : "Most"} are between {bytes(fullest.from)} and {bytes(fullest.to)}
        {!isOne && `: ${count(most)}`}.
      </p>
    </>
  );
}
