/** Downloads a result file. The key goes in a header, so no link can do it; the bytes go to disk as they come. */
import { openSpill } from "../spill.ts";
import { send } from "./api.ts";
import type { Connection } from "./connection.ts";

export async function download(
  to: Connection,
  fileId: string,
  got: (bytes: number, of: number | null) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const answer = await send(to, `/files/${encodeURIComponent(fileId)}/content`, { signal });
  const length = Number(answer.headers.get("content-length") ?? Number.NaN);
  const of = Number.isFinite(length) ? length : null;
  const spill = await openSpill();
  try {
    const reader = answer.body?.getReader();
    let bytes = 0;
    for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
      await spill.write(piece.value);
      bytes += piece.value.length;
      got(bytes, of);
    }
    return await spill.finish();
  } catch (error) {
    await spill.discard();
    throw error;
  }
}
