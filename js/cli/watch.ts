/** Shows how far a batch is, from what it publishes. */

import { left, type Progress } from "./progress.ts";
import type { Session } from "./session.ts";
import { bytes, count } from "./terminal.ts";

const everyMs = 200;

/** Shows progress until `end` is called. */
export function showProgress(session: Session, progress: Progress): { end: () => Promise<void> } {
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let wake = () => {};
  const loop = async () => {
    while (!ended) {
      await show(session, progress);
      if (ended) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, everyMs);
      });
    }
  };
  const looping = loop();
  return {
    async end() {
      ended = true;
      clearTimeout(timer);
      wake();
      await looping;
    },
  };
}

async function show(session: Session, progress: Progress): Promise<void> {
  const { batches, batch, input, readUpTo, upstream } = session;
  const { status, request_counts: counts } = await batches.retrieve(batch.id);
  if (status === "validating") {
    const done = readUpTo();
    progress.update({
      phase: "validating",
      done,
      total: input.bytes,
      text: (rate) => [
        `${bytes(done)} of ${bytes(input.bytes)}`,
        ...left(input.bytes - done, rate),
        `${bytes(rate)}/s`,
      ],
    });
    return;
  }
  const done = counts.completed + counts.failed;
  const trouble = upstream.trouble();
  progress.update({
    phase: status === "in_progress" ? "running" : "writing the files",
    done,
    total: counts.total,
    text: (rate) => [
      `${count(done)} of ${count(counts.total)} done`,
      `${count(counts.failed)} failed`,
      ...(trouble === null ? left(counts.total - done, rate) : [trouble]),
      `${rate >= 10 ? count(Math.round(rate)) : rate.toFixed(1)}/s`,
    ],
  });
}
