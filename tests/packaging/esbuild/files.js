/** Bundled with `--loader:.wasm=file`: both wasms become files beside the bundle, and their addresses what is loaded. */
import * as edgebatch from "edgebatch/manual";
import calls from "edgebatch/wasm/edgebatch_bg.wasm";
import turns from "edgebatch/wasm/turns_bg.wasm";
import { run } from "../common/run.js";

const at = (path) => new URL(path, import.meta.url);
globalThis.answer = edgebatch.load(at(calls), at(turns)).then(() => run(edgebatch));
