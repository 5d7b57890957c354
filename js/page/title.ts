/** What the browser's tab says. */
import { useEffect } from "preact/hooks";

/** Keeps the tab's title at a text while a view is shown. */
export function useTitle(text: string | null): void {
  useEffect(() => {
    if (text !== null) document.title = `${text} · edgebatch`;
  }, [text]);
}
