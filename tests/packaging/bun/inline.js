import * as edgebatch from "edgebatch/inline";
import { run } from "../common/run.js";

console.log(await run(edgebatch));
