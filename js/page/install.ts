/** Lets the page open without a network, where a server serves it: never from a file. */
import { offlineUrl } from "./script-url.ts";

export function keepForOffline(): void {
  if (!("serviceWorker" in navigator) || !/^https?:$/.test(location.protocol)) return;
  // Without it the page works as before.
  navigator.serviceWorker.register(offlineUrl()).catch(() => {});
}
