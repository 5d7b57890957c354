/** What a screen reader announces while focus is elsewhere. */
import { signal } from "@preact/signals";

export const announcement = signal("");

/** Says something once what is being said is over. */
export function announce(text: string): void {
  announcement.value = text;
}
