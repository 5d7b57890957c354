/** Options as the core reads them: its defaults apply to whatever is left out. */

import { apiError } from "./errors.ts";
import { isObject, type NamesOf } from "./options.ts";
import type { Dialect, Limits } from "./types.ts";
import { core, isApiErrorFields } from "./wasm.ts";

/** What may be set of validation. */
export interface ValidationOptions {
  /** Whose error texts: this project's own, or OpenAI's. Default `reference`. */
  dialect?: Dialect;
  limits?: Limits;
  /** Whether all lines of a file must name the same model, as OpenAI demands. Default false. */
  singleModel?: boolean;
}

/** A plain object without undefined values, or undefined when nothing is set. */
export type CoreSettings = Record<string, unknown> | undefined;

const limitNames: NamesOf<Limits> = {
  maxRequests: true,
  maxFileBytes: true,
  maxLineBytes: true,
  maxErrors: true,
  maxResponseBytes: true,
};

/** Names of {@link ValidationOptions}. */
export const validationOptions: NamesOf<ValidationOptions> = {
  dialect: true,
  limits: limitNames,
  singleModel: true,
};

/** Has the core look at settings. @throws InvalidRequestError */
export function checkSettings(settings: CoreSettings): void {
  const { checkSettings } = core();
  try {
    checkSettings(settings);
  } catch (thrown) {
    throw isApiErrorFields(thrown) ? apiError(thrown) : thrown;
  }
}

/** Drops what is undefined, here and in `limits`, so that the core's defaults apply. */
export function coreSettings(options: object): CoreSettings {
  const settings = withoutUndefined(options);
  return Object.keys(settings).length === 0 ? undefined : settings;
}

function withoutUndefined(options: object): Record<string, unknown> {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      name === "limits" && isObject(value) ? withoutUndefined(value) : value,
    ]),
  );
}
