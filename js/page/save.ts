/** Hands a file to the browser's downloads. */

const FREE_AFTER_MS = 60_000;

export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser may still be reading it.
  setTimeout(() => URL.revokeObjectURL(url), FREE_AFTER_MS);
}

/** A name beside the chosen one: `requests.jsonl.gz` and `-errors.csv` give `requests-errors.csv`. */
export function nameBeside(name: string, ending: string): string {
  const stem = name.replace(/\.gz$/i, "").replace(/\.(jsonl|ndjson|json|txt|csv|tsv)$/i, "");
  return `${stem || "batch"}${ending}`;
}
