/** What the file will take: tokens by its bytes, time and cost by what is typed in. */
import { signal } from "@preact/signals";
import { cost, inputTokens, meanSeconds, type Range, timeBand } from "../../core/estimate.ts";
import { Fact } from "../fact.tsx";
import { duration } from "../format.ts";
import type { Session } from "./session.ts";

/** What is typed in, which stays for the next file. */
const typed = {
  output: signal(""),
  inputPrice: signal(""),
  outputPrice: signal(""),
  rate: signal(""),
  seconds: signal(""),
  concurrency: signal("10"),
};

const labels: Record<keyof typeof typed, string> = {
  inputPrice: "Input price per million tokens",
  outputPrice: "Output price per million tokens",
  output: "Tokens per answer",
  seconds: "Seconds per answer",
  concurrency: "Concurrent requests",
  rate: "or requests per minute",
};

const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });

const number = (name: keyof typeof typed) => Math.max(0, Number(typed[name].value)) || 0;

const band = ({ low, high }: Range, text: (value: number) => string) =>
  text(low) === text(high) ? `about ${text(low)}` : `${text(low)} to ${text(high)}`;

export function EstimateCard({ session }: { session: Session }) {
  const { requestCount, bytes } = session.counts.value ?? { requestCount: 0, bytes: 0 };
  if (requestCount === 0) return null;
  const tokens = inputTokens(requestCount, bytes);
  const [seconds, concurrency, rate] = [number("seconds"), number("concurrency"), number("rate")];
  const mean = rate > 0 ? (60 * requestCount) / rate : meanSeconds(requestCount, { seconds, concurrency });
  const prices = { input: number("inputPrice"), output: number("outputPrice") };
  const output = requestCount * number("output");
  return (
    <section class="card estimate" aria-label="Estimate">
      <h3>Estimate</h3>
      <dl class="facts">
        <Fact name="Input tokens, from the size" value={band(tokens, (value) => short.format(value))} />
        {output > 0 && <Fact name="Output tokens" value={`about ${short.format(output)}`} />}
        {mean > 0 && Number.isFinite(mean) && <Fact name="Time" value={band(timeBand(mean), duration)} />}
        {prices.input + prices.output > 0 && (
          <Fact name="Cost" value={band(cost(tokens, output, prices), (value) => short.format(value))} />
        )}
      </dl>
      <div class="options-main">
        {(Object.keys(labels) as (keyof typeof typed)[]).map((name) => (
          <label key={name}>
            <span>{labels[name]}</span>
            <input
              type="number"
              min={0}
              step="any"
              value={typed[name].value}
              onInput={(event) => (typed[name].value = event.currentTarget.value)}
            />
          </label>
        ))}
      </div>
      <p class="muted">
        Only an estimate: text takes 2 to 8 bytes per token, images are counted far too high, and the time may
        be half or twice as long.
      </p>
    </section>
  );
}
