/** JSON of which only the beginning was read: what is open is closed, and what is cut in its middle left out. */

export function parseHead(text: string): unknown {
  let open = "";
  /** Where the last value of each container that is open ended, innermost last. */
  const ends: number[] = [];
  let string = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (string) {
      if (char === "\\") at++;
      else if (char === '"') string = false;
    } else if (char === '"') string = true;
    else if (char === "{" || char === "[") {
      open = (char === "{" ? "}" : "]") + open;
      ends.push(at + 1);
    } else if (char === "}" || char === "]") {
      open = open.slice(1);
      ends.pop();
    } else if (char === ",") ends[ends.length - 1] = at;
  }
  const whole = string ? `${text.replace(/\\(?:u[\da-f]{0,3})?$/i, "")}"` : text;
  for (const attempt of [whole, text.slice(0, ends.at(-1) ?? 0)]) {
    try {
      return JSON.parse(attempt + open);
    } catch {
      // It ends in a name, or in a number or word that goes on.
    }
  }
  return null;
}
