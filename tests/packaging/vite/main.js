import * as edgebatch from "edgebatch";
import { run } from "../common/run.js";

const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
const answered = new Promise((resolve) => {
  worker.onmessage = ({ data }) => resolve(data);
});
worker.postMessage("begin");
globalThis.answer = Promise.all([run(edgebatch), answered]).then((both) => both.join(", "));
