/** Logs for the operator: one JSON object per line; ids, statuses and times, never prompts, answers or keys. */

/** What is logged: the level that is set, and those before it. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

type Fields = Record<string, string | number | null>;

let most: LogLevel = "info";
let isStamped = false;

/** Said once, at the start. A platform that keeps time and level by itself, as Cloudflare does, need not have them in lines. */
export function configureLog(settings: { level: LogLevel; stamped: boolean }): void {
  most = settings.level;
  isStamped = settings.stamped;
}

/** Whether lines of this level are written at all. */
export function isLogged(level: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(most);
}

export function log(event: string, fields: Fields = {}): void {
  write("info", event, fields);
}

/** What is too much for every day: a line for each request. */
export function logDebug(event: string, fields: Fields = {}): void {
  write("debug", event, fields);
}

/** What an operator is to know of. */
export function logWarning(event: string, fields: Fields = {}): void {
  write("warn", event, fields);
}

/** A defect or an outage. The message may quote a host or a store, never a request. */
export function logError(event: string, error: unknown, fields: Record<string, string | number> = {}): void {
  const { name, message } = error instanceof Error ? error : { name: typeof error, message: String(error) };
  write("error", event, { ...fields, error: name, message });
}

function write(level: LogLevel, event: string, fields: Fields): void {
  if (!isLogged(level)) return;
  const stamp = isStamped ? { time: new Date().toISOString(), level } : {};
  const line = JSON.stringify({ ...stamp, event, ...fields });
  if (level === "error") console.error(line);
  else if (level === "warn") console.warn(line);
  else console.log(line);
}
