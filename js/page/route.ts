/** Which view is shown: it is in the address after the hash, so that links and the back button work. */
import { computed, signal } from "@preact/signals";

export type Route =
  | { view: "check" }
  | { view: "results" }
  | { view: "batches" }
  | { view: "webhooks" }
  | { view: "batch"; id: string };

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

export const route = computed<Route>(() => {
  const id = /^#\/batches\/([\w-]{1,100})$/.exec(hash.value)?.[1];
  if (id !== undefined) return { view: "batch", id };
  if (hash.value === "#/results") return { view: "results" };
  if (hash.value === "#/webhooks") return { view: "webhooks" };
  return hash.value.startsWith("#/batches") ? { view: "batches" } : { view: "check" };
});
