/** Numbers, sizes and times for people. */

import { plural } from "../core/numbers.ts";

export { count, plural } from "../core/numbers.ts";

const LOCALE = "en";
const short = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 3 });
const moment = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "medium" });

/** Bytes in powers of ten, as files are sold; limits are given in full elsewhere. */
export function bytes(value: number): string {
  const units = ["bytes", "KB", "MB", "GB"];
  let size = value;
  let unit = 0;
  for (; size >= 999.5 && unit < units.length - 1; unit++) size /= 1000;
  return unit === 0 ? plural(value, "byte") : `${short.format(size)} ${units[unit]}`;
}

/** A length of time from seconds. */
export function duration(seconds: number): string {
  if (seconds < 1) return "less than a second";
  if (seconds < 90) return plural(Math.round(seconds), "second");
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return plural(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  return `${plural(hours, "hour")} ${plural(minutes % 60, "minute")}`;
}

/** A share that is 0 or 100 per cent only if it is exactly so. */
export function percent(part: number, of: number): string {
  if (of === 0) return "0%";
  const value = (100 * part) / of;
  if (value > 0 && value < 1) return "<1%";
  return `${Math.floor(value)}%`;
}

/** A part of a whole that is all there: rounded, where {@link percent} never says too much. */
export function share(part: number, of: number): string {
  return percent(Math.round((100 * part) / Math.max(1, of)) || Math.min(part, 0.5), 100);
}

/** A time on the wire: Unix seconds. */
export function time(seconds: number): string {
  return moment.format(seconds * 1000);
}

const clockTime = new Intl.DateTimeFormat(LOCALE, { timeStyle: "medium" });

/** The time of day, from milliseconds. */
export function clock(at: number): string {
  return clockTime.format(at);
}

/** Requests in a time. Slow ones are counted by the minute. */
export function rate(perSecond: number): string {
  return perSecond > 0 && perSecond < 0.5
    ? `${short.format(perSecond * 60)} per minute`
    : `${short.format(perSecond)} per second`;
}

const age = new Intl.RelativeTimeFormat(LOCALE, { numeric: "always", style: "short" });

/** How long ago Unix seconds were. */
export function ago(seconds: number, now = Date.now() / 1000): string {
  const since = Math.max(0, now - seconds);
  if (since < 60) return "just now";
  if (since < 3_600) return age.format(-Math.floor(since / 60), "minute");
  if (since < 86_400) return age.format(-Math.floor(since / 3_600), "hour");
  return age.format(-Math.floor(since / 86_400), "day");
}
