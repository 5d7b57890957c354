/** Text in which nothing is invisible, or turns the direction of its neighbours. */

export function visible(text: string, withLines = false): string {
  const found = /[\p{Cc}\p{Bidi_Control}\u200b\ufeff]/gu;
  return text.replace(found, (char) =>
    withLines && (char === "\n" || char === "\t") ? char : `␛${char.charCodeAt(0).toString(16)}`,
  );
}
