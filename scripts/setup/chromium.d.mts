/** The path of a Chromium that is there; null when there is none. */
export function chromiumPath(): string | null;
