/** What a batch may use: said when it is made, and shown while it runs. */
import type { Signal } from "@preact/signals";
import type { Batch } from "../../core/types.ts";
import { Fact } from "../fact.tsx";
import { count, plural } from "../format.ts";
import { connection } from "./connection.ts";
import { mayCap } from "./features.ts";

const CAPS = [
  ["requests", "Budget, requests"],
  ["input_tokens", "Budget, input tokens"],
  ["output_tokens", "Budget, output tokens"],
  ["total_tokens", "Budget, tokens"],
  ["cost", "Budget, cost"],
] as const;

/** What is used of each cap, its place in the queue, and what repeats have saved. */
export function OwnFacts({ batch }: { batch: Batch }) {
  const { budget, priority, deduped } = batch.edgebatch ?? {};
  return (
    <>
      {CAPS.map(([cap, name]) => {
        const most = budget?.[cap];
        const used = budget?.used?.[cap] ?? 0;
        return most != null && <Fact key={cap} name={name} value={`${count(used)} used of ${count(most)}`} />;
      })}
      {priority !== undefined && <Fact name="Priority" value={String(priority)} />}
      {deduped && <Fact name="Duplicates not sent again" value={plural(deduped.requests, "request")} />}
    </>
  );
}

/** A cap in tokens, but where the server is known to keep to none. It is asked with the click: nobody is called before. */
export function TokenCap({ tokens }: { tokens: Signal<string> }) {
  if (!mayCap(connection.value)) return null;
  return (
    <label class="cap">
      Stop after{" "}
      <input
        type="number"
        min="1"
        step="1"
        placeholder="any number of"
        value={tokens.value}
        onInput={({ currentTarget }) => {
          tokens.value = currentTarget.value;
        }}
      />{" "}
      tokens
    </label>
  );
}
