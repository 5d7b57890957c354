/** A button that copies a text. */
import { useState } from "preact/hooks";
import { announce } from "./announce.ts";

export function Copy({ text, label }: { text: string; label: string }) {
  const [said, setSaid] = useState("Copy");
  const copy = async () => {
    let words = "Copied";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // No secure context, or not allowed.
      words = "Not allowed";
    }
    setSaid(words);
    announce(words);
  };
  return (
    <button
      type="button"
      class="link copy"
      aria-label={said === "Copy" ? label : said}
      onClick={() => void copy()}
    >
      {said}
    </button>
  );
}
