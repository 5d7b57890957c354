// The core knows no platform: only src/wasm/ names the bindings, only driver, host and wasm await.
import { places, refuse, rustFiles } from "../lib/sources.mjs";

export default function purity() {
  const files = rustFiles();
  const bindings = files.filter((file) => !file.startsWith("src/wasm/"));
  const awaiting = bindings.filter((file) => !/^src\/(driver[^/]*(\/.*)?|host)(\.rs|$)/.test(file));
  const named = /\b(wasm_bindgen\w*|serde_wasm_bindgen|js_sys|web_sys)\b/;
  refuse("purity", [...places(bindings, named), ...places(awaiting, /\.await\b|\basync\b/)]);
}
