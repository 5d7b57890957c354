/** Locks that the browser ends with the tab or worker that holds them, however that ends: Web Locks. */

import type { StoreLock } from "../../core/types.ts";

/** How a lock is asked for. */
export interface WebLockOptions {
  /** Whether to wait while another tab holds it, until that closes, crashes or lets go. Default false. */
  wait?: boolean;
  /** Ends the waiting: the promise rejects with its reason. */
  signal?: AbortSignal;
}

/** Takes the lock of a name within the origin. Null when it is held, by another tab or by this one, and nobody wants to wait. */
export function webLock(
  name: string,
  { wait = false, signal }: WebLockOptions = {},
): Promise<StoreLock | null> {
  const { locks } = navigator;
  if (locks === undefined) return Promise.reject(new Error(`Web Locks are missing: ${WHERE}.`));
  return new Promise((resolve, reject) => {
    const options = wait ? { ...(signal !== undefined && { signal }) } : { ifAvailable: true };
    const held = locks.request(name, options, (lock) => {
      if (lock === null) return resolve(null);
      // It is held for as long as this promise is open.
      return new Promise<void>((end) => {
        resolve({
          release: async () => {
            end();
            await held;
          },
        });
      });
    });
    held.catch(reject);
  });
}

/** Where what a browser keeps for a site can be had. */
export const WHERE = "a browser has them on pages of https and of localhost alone";
