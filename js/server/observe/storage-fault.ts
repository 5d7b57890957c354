/**
 * What is wrong with the place where state is kept. Told by texts: an error may have come through the core, which keeps no
 * more of it, and SQLite's and the system's texts have been the same for decades. Deno has the texts without the codes.
 */

export type StorageFault = "away" | "full" | "read_only" | "damaged" | "failing";

const TEXTS: [StorageFault, RegExp][] = [
  ["away", /\bthe database cannot be used\b|\bS3 (cannot be reached|gave no answer|stopped|refused)\b/],
  ["full", /\b(ENOSPC|EDQUOT)\b|disk is full|no space left/i],
  ["damaged", /disk image is malformed|file is not a database|malformed database schema/i],
  ["read_only", /\b(EROFS|EACCES|EPERM)\b|readonly database|read-only file system|permission denied/i],
  [
    "failing",
    /\b(EIO|ENODEV|ENOTDIR|EISDIR|EMFILE|ENFILE)\b|(disk I\/O|input\/output) error|not a directory|unable to open database file/i,
  ],
];

/** The fault that an error tells of; null when it is about something else. */
export function storageFault(error: unknown): StorageFault | null {
  const text = error instanceof Error ? error.message : String(error);
  return TEXTS.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}

/** What a caller is told: nothing of paths or hosts. */
export const faultTexts: Record<StorageFault, string> = {
  away: "The server cannot reach its store: nothing is known to be stored of this call. It works again once its operator has mended that.",
  full: "The server's disk is full: nothing of this call was stored. It works again once its operator has made room.",
  read_only:
    "The server cannot write to its disk: nothing of this call was stored. Its operator has to make it writable.",
  damaged:
    "The server's records of your files and batches are damaged. Its operator has to restore them; those of others are not affected.",
  failing: "The server's disk fails: nothing of this call was stored. Its operator has to look after it.",
};
