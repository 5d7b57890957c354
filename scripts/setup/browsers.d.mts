/** The path of a browser that is there; null when there is none. */
export function chromiumPath(): string | null;
export function firefoxPath(): string | null;
