import * as edgebatch from "edgebatch";
import { run } from "../common/run.js";

postMessage(await run(edgebatch));
