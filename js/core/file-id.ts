/** Ids of files that users make. Those of output files come from the core. */

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** `file-` and 22 letters and digits: 128 bits. */
export function newFileId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  let text = "";
  for (let i = 0; i < 22; i++) {
    text = BASE62[Number(value % 62n)] + text;
    value /= 62n;
  }
  return `file-${text}`;
}
