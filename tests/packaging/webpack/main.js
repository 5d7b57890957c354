import * as edgebatch from "edgebatch";
import { run } from "../common/run.js";

const worker = new Worker(new URL("./worker.js", import.meta.url));
const answered = new Promise((resolve) => {
  worker.onmessage = ({ data }) => resolve(data);
});
globalThis.answer = Promise.all([run(edgebatch), answered]).then((both) => both.join(", "));
