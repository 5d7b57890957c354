/** Options as the core reads them: its defaults apply to whatever is left out. */
import type { Dialect, Limits } from "./types.ts";

/** What may be set of validation. */
export interface ValidationOptions {
  /** Whose error texts: the library's own, or OpenAI's. Default `reference`. */
  dialect?: Dialect;
  limits?: Limits;
  /** Whether all lines of a file must name the same model, as OpenAI demands. Default false. */
  singleModel?: boolean;
}

/** A plain object without undefined values, or undefined when nothing is set. */
export type CoreSettings = Record<string, unknown> | undefined;

/** Drops what is undefined, here and in `limits`, so that the core's defaults apply. */
export function coreSettings(options: object): CoreSettings {
  const settings = withoutUndefined(options);
  return Object.keys(settings).length === 0 ? undefined : settings;
}

function withoutUndefined(options: object): Record<string, unknown> {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    // Limits that are anything but an object are for the core to refuse.
    entries.map(([name, value]) => [
      name,
      name === "limits" && isObject(value) ? withoutUndefined(value) : value,
    ]),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
