/** The types of the package: what a host supplies, and what the service returns. */

export type * from "./ports.ts";
export type * from "./wire.ts";
