/** Starts the page. */
import { render } from "preact";
import { App } from "./app.tsx";
import { loadCore } from "./check/session.ts";
import { keepForOffline } from "./install.ts";
import { removeLeftOvers } from "./spill.ts";
import { prepareReader } from "./start-reader.ts";

// All that a check needs is there before a file is chosen, so that checking one makes no request.
prepareReader();
// Should it fail, choosing a file tries again.
loadCore().catch(() => {});
void removeLeftOvers(Date.now());
render(<App />, document.getElementById("app") as HTMLElement);
keepForOffline();
