/** Mends a file as a new one; nothing is held whole. */
import { release } from "../../core/bytes.ts";
import { type Cure, type Cured, Repair } from "../../core/repair.ts";
import { openSpill } from "../spill.ts";
import { eachPiece, type Reading } from "./write-lines.ts";

/** What would be mended. Null when stopped. */
export async function look(job: Reading, endpoint: string | null): Promise<Cured[] | null> {
  return mend(job, endpoint, null, async () => {});
}

/** The mended file. Null when stopped. */
export async function write(
  job: Reading,
  endpoint: string | null,
  only: Cure[] | null,
): Promise<{ blob: Blob } | null> {
  const spill = await openSpill();
  try {
    const cures = await mend(job, endpoint, only, (bytes) => spill.write(bytes));
    if (cures) return { blob: await spill.finish() };
    await spill.discard();
    return null;
  } catch (error) {
    await spill.discard();
    throw error;
  }
}

async function mend(
  job: Reading,
  endpoint: string | null,
  only: Cure[] | null,
  use: (bytes: Uint8Array) => Promise<void>,
): Promise<Cured[] | null> {
  const repair = new Repair({ endpoint: endpoint ?? undefined, only: only ?? undefined });
  try {
    const done = await eachPiece(job, async (piece) => {
      const bytes = repair.push(piece);
      await use(bytes);
      release(bytes);
    });
    if (!done) return null;
    await use(repair.finish());
    return repair.report().cures;
  } finally {
    repair.free();
  }
}
