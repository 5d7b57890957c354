/** How far a batch is, how quickly it moves, how long it will take, and what it waits for. */
import type { Batch } from "../../core/types.ts";
import { clock, count, duration, rate as rateWords } from "../format.ts";
import { rateOf, type Sample } from "./pace.ts";
import { RateChart } from "./rate-chart.tsx";
import { BatchProgress, isOver, isPaused } from "./state.tsx";

export function LiveProgress({ batch, samples }: { batch: Batch; samples: readonly Sample[] }) {
  const { total, completed, failed } = batch.request_counts;
  const left = total - completed - failed;
  const paused = isPaused(batch);
  const rate = batch.status === "in_progress" && !paused ? rateOf(samples) : null;
  const waiting = batch.edgebatch?.waiting;
  const words = [
    rate !== null && rate > 0 && rateWords(rate),
    rate !== null && rate > 0 && left > 0 && `about ${duration(left / rate)} left`,
  ].filter(Boolean);
  return (
    <>
      {!isOver(batch) && <BatchProgress batch={batch} />}
      {paused && (
        <p class="notice">
          Paused: requests in progress will finish, and nothing new starts until you resume it.
        </p>
      )}
      {words.length > 0 && <p class="batch-pace">{words.join(" · ")}</p>}
      {waiting && !paused && !isOver(batch) && (
        <p class="notice" role="status">
          Waiting for the model server: {waitWords[waiting.reason] ?? waiting.reason}
          {waiting.status !== null && ` (status ${waiting.status})`}. {waiting.message}
          {waiting.message && !/[.!?]$/.test(waiting.message) && "."} Next try at{" "}
          {clock(waiting.until * 1000)}.
        </p>
      )}
      {!isOver(batch) && <RateChart samples={samples} />}
      <dl class="facts">
        <Fact name="Succeeded" value={count(completed)} />
        <Fact name="Failed" value={count(failed)} bad={failed > 0} />
        <Fact name="Total" value={total === 0 && !isOver(batch) ? "–" : count(total)} />
        <Fact name="Input tokens" value={tokens(batch.usage?.input_tokens)} />
        <Fact name="Output tokens" value={tokens(batch.usage?.output_tokens)} />
      </dl>
    </>
  );
}

const waitWords: Record<string, string> = {
  overloaded: "it is overloaded or unreachable",
  unavailable: "its gateway gets no response",
  failing: "every request fails",
  refused: "it rejects the key, the address or the account",
};

/** Servers sum up usage at the end: until then nothing is known, which is not none. */
const tokens = (value: number | undefined) => (value ? count(value) : "–");

function Fact({ name, value, bad = false }: { name: string; value: string; bad?: boolean }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={bad ? "failed-count" : undefined}>{value}</dd>
    </div>
  );
}
