import * as edgebatch from "edgebatch";
import { run } from "../common/run.js";

console.log(await run(edgebatch));
