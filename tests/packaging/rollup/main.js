import * as edgebatch from "edgebatch/inline";
import { run } from "../common/run.js";

globalThis.answer = run(edgebatch);
globalThis.answer.then((text) => console.log(text));
