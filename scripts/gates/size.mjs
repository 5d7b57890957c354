// What is sent over the network stays small: the wasm, and the page's scripts.
import { checkPageSize } from "../build/page.mjs";
import { checkWasmSize } from "../build/wasm.mjs";

export default function size() {
  checkWasmSize();
  checkPageSize();
}
