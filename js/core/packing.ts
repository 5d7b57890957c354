/** How a file is packed: its first four bytes say so, whatever it is called. */
export function packingOf(head: Uint8Array): "gzip" | "zstd" | null {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  return head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd ? "zstd" : null;
}
