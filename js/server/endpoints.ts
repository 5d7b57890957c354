/** The endpoints that a server's batches may name. */

import { endpoints } from "../core/rules.ts";

/** Unless the operator says otherwise: those that take and give JSON alone. */
export const jsonEndpoints = Object.entries(endpoints)
  .filter(([, { jsonOnly }]) => jsonOnly)
  .map(([path]) => path);
