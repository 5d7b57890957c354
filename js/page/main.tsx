/** Starts the page. */
import { render } from "preact";
import { App } from "./app.tsx";
import { loadCore } from "./check/session.ts";
import { removeLeftOvers } from "./spill.ts";

// Loaded before a file is chosen, so that checking one makes no request. Should it fail, choosing tries again.
loadCore().catch(() => {});
void removeLeftOvers(Date.now());
render(<App />, document.getElementById("app") as HTMLElement);
