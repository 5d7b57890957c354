/** What the answers used: sums, by model, and how it is distributed. */
import { Fact } from "../fact.tsx";
import { count, plural, share } from "../format.ts";
import type { Usage } from "./protocol.ts";

export function UsagePanel({ usage }: { usage: Usage }) {
  const { input, output, cached, reasoning, told, models, classes, finished } = usage;
  const all = models.reduce((sum, { answers }) => sum + answers, 0);
  const mean = (tokens: number) => (told > 0 ? count(Math.round(tokens / told)) : "–");
  const ranges = classes
    .map((times, i) => ({ name: rangeOf(i), count: times }))
    .slice(classes.findIndex((times) => times > 0));
  return (
    <div class="statistics">
      <section class="card">
        <h2>Tokens</h2>
        <dl class="facts">
          <Fact name="Input" value={count(input)} />
          <Fact name="of which cached" value={count(cached)} />
          <Fact name="Output" value={count(output)} />
          <Fact name="of which reasoning" value={count(reasoning)} />
          <Fact name="Total" value={count(input + output)} />
          <Fact name="Average per answer" value={`${mean(input)} in, ${mean(output)} out`} />
        </dl>
        {told < all && <p class="muted">{plural(all - told, "answer")} without usage figures.</p>}
      </section>
      <section class="card">
        <h2>Models</h2>
        <Bars
          rows={models.map(({ name, answers, input: read, output: made }) => {
            return { name, count: answers, more: `${count(read)} in, ${count(made)} out` };
          })}
          sorted
        />
      </section>
      <section class="card">
        <h2>Tokens per request, with its answer</h2>
        <Bars rows={ranges} />
      </section>
      <section class="card">
        <h2>Finish reasons</h2>
        <Bars rows={finished} sorted />
      </section>
    </div>
  );
}

function rangeOf(size: number): string {
  const [from, to] = [size === 0 ? 0 : 2 ** (size - 1), 2 ** size - 1];
  return from >= to ? count(from) : `${count(from)} to ${count(to)}`;
}

function Bars(props: { rows: { name: string; count: number; more?: string }[]; sorted?: boolean }) {
  const { sorted = false } = props;
  const rows = sorted ? [...props.rows].sort((a, b) => b.count - a.count) : props.rows;
  if (rows.length === 0) return <p class="muted">None were reported.</p>;
  const all = rows.reduce((sum, row) => sum + row.count, 0);
  const most = Math.max(...rows.map((row) => row.count));
  return (
    <ul class="models">
      {rows.map(({ name, count: times, more }) => (
        <li key={name}>
          <span class="model-name">{name}</span>
          <span class="model-count">
            {count(times)} <span class="muted">{share(times, all)}</span>
          </span>
          {more && <span class="model-more muted">{more}</span>}
          <span class="bar" aria-hidden="true">
            {times > 0 && <span style={{ width: `${(100 * times) / most}%` }} />}
          </span>
        </li>
      ))}
    </ul>
  );
}
