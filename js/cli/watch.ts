/** Shows a batch's progress, from what it publishes. */

import { left, type Progress } from "./progress.ts";
import type { Session } from "./session.ts";
import { bytes, count } from "./terminal.ts";
import { waitOf } from "./waiting.ts";

const everyMs = 200;

/** Shows progress until `end` is called. */
export function showProgress(session: Session, progress: Progress): { end: () => Promise<void> } {
  const told = { wait: "" };
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let wake = () => {};
  const loop = async () => {
    while (!ended) {
      await show(session, progress, told);
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

async function show(session: Session, progress: Progress, told: { wait: string }): Promise<void> {
  const { batches, batch, input, readUpTo } = session;
  const { status, request_counts: counts, edgebatch } = await batches.retrieve(batch.id);
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
  const wait = waitOf(edgebatch?.waiting);
  if (wait?.long && wait.text !== told.wait) {
    told.wait = wait.text;
    progress.note(`edgebatch: ${wait.text}`);
  }
  progress.update({
    phase: status === "in_progress" ? "running" : "writing the files",
    done,
    total: counts.total,
    text: (rate) => [
      `${count(done)} of ${count(counts.total)} done`,
      `${count(counts.failed)} failed`,
      ...(wait === null ? left(counts.total - done, rate) : [wait.text]),
      `${rate >= 10 ? count(Math.round(rate)) : rate.toFixed(1)}/s`,
    ],
  });
}
