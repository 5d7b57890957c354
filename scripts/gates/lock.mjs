// Lock files without download addresses work with any registry.
import { read, refuse } from "../lib/sources.mjs";

export default function lock() {
  const complaint = 'package-lock.json holds download addresses ("resolved")';
  refuse("lock", /"resolved"/.test(read("package-lock.json")) ? [complaint] : []);
}
