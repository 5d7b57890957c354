/** What a file is if it cannot be a batch file, by its first bytes. */

const magics: [bytes: number[], what: string][] = [
  [[0x89, 0x50, 0x4e, 0x47], "a PNG image"],
  [[0xff, 0xd8, 0xff], "a JPEG image"],
  [[0x25, 0x50, 0x44, 0x46], "a PDF document"],
  [
    [0x50, 0x4b, 0x03, 0x04],
    "a ZIP archive (or a document made of one); unpack it and name the .jsonl file inside",
  ],
  [[0x50, 0x41, 0x52, 0x31], "a Parquet file"],
  [[0x42, 0x5a, 0x68], "packed with bzip2; unpack it first: bunzip2 -k"],
  [[0xfd, 0x37, 0x7a, 0x58], "packed with xz; unpack it first: unxz -k"],
  [[0xff, 0xfe, 0x00, 0x00], "UTF-32; a batch file is UTF-8, as edgebatch fix writes it"],
  [[0xff, 0xfe], "UTF-16; a batch file is UTF-8, as edgebatch fix writes it"],
  [[0xfe, 0xff], "UTF-16; a batch file is UTF-8, as edgebatch fix writes it"],
  [[0x7b, 0x00], "UTF-16; a batch file is UTF-8, as edgebatch fix writes it"],
  [[0x00, 0x7b], "UTF-16; a batch file is UTF-8, as edgebatch fix writes it"],
  [[0x00, 0x00], "UTF-32 or a program's own data; batch files are UTF-8"],
];

/** A few words for what begins so; null for what may be a batch file. */
export function otherKind(head: Uint8Array): string | null {
  const magic = magics.find(([bytes]) => bytes.every((byte, at) => head[at] === byte));
  if (magic !== undefined) return magic[1];
  const text = new TextDecoder()
    .decode(head)
    .replace(/^\ufeff/, "")
    .trimStart();
  if (/^\[\s*\{/.test(text)) {
    return "a JSON array; a batch file has one request a line, as edgebatch fix writes it";
  }
  if (/^\{[ \t\r]*\n/.test(text)) {
    return "JSON over several lines; a batch file has one request a line, as edgebatch fix writes it";
  }
  const [first = ""] = text.split("\n", 1);
  // A header of names: nothing of JSON in it.
  if (/^[\w "-]+(?:[,;\t][\w "-]+)+\r?$/.test(first) && text.includes("\n")) {
    return "a table (CSV); a batch file has one JSON object a line";
  }
  return null;
}
