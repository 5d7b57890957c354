/** A batch in the list: what it is called, how it stands, how far it is. */
import type { Batch } from "../../core/types.ts";
import { ago, duration, time } from "../format.ts";
import { endedAt } from "./about.ts";
import { BatchProgress, isOver, State } from "./state.tsx";

export function BatchRow({ batch, name }: { batch: Batch; name: string | null }) {
  const { id, model, endpoint, metadata, created_at: created } = batch;
  const end = endedAt(batch);
  const facts = [
    model ?? (endpoint || null),
    end !== null && created > 0 && isOver(batch) && `took ${duration(end - created)}`,
    ...Object.entries(metadata ?? {}).map(([key, value]) => `${key}: ${value}`),
  ].filter((fact) => typeof fact === "string");
  return (
    <li>
      <span class="batch-name">
        <a href={`#/batches/${id}`}>
          {name ?? "Batch"} <code>{id}</code>
        </a>
      </span>
      <State batch={batch} />
      <BatchProgress batch={batch} />
      <span class="muted batch-when">
        {created > 0 && (
          <time dateTime={new Date(created * 1000).toISOString()} title={time(created)}>
            {ago(created)}
          </time>
        )}
        {facts.map((fact, i) => (
          <span key={i}>
            {(i > 0 || created > 0) && " · "}
            {fact}
          </span>
        ))}
      </span>
    </li>
  );
}
