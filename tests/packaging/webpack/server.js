import * as edgebatch from "edgebatch";
import { run } from "../common/run.js";

run(edgebatch).then((text) => console.log(text));
