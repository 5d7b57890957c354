/**
 * Headers with parameters, such as `form-data; name="file"; filename="a;b.jsonl"`. Read in one pass: a regular
 * expression that looks for the end of a quoted string again from each quote takes the square of the header's length.
 */

/** The text before the first semicolon, and the parameters after it, each verbatim. */
export function splitParameters(header: string): string[] {
  const items: string[] = [];
  let [start, quoted] = [0, false];
  // A quote that is never closed quotes nothing, nor do those after it: all of them are escaped.
  const lastQuote = endOfQuotes(header);
  for (let i = 0; i <= header.length; i++) {
    const c = header[i];
    if (quoted && c === "\\") i++;
    else if (c === '"' && i <= lastQuote) quoted = !quoted;
    else if (c === undefined || (c === ";" && !quoted)) {
      items.push(header.slice(start, i).trim());
      start = i + 1;
    }
  }
  return items;
}

/** The index of the last quote that closes one; -1 when there is none. */
function endOfQuotes(header: string): number {
  let [quoted, end] = [false, -1];
  for (let i = 0; i < header.length; i++) {
    if (quoted && header[i] === "\\") i++;
    else if (header[i] === '"') {
      if (quoted) end = i;
      quoted = !quoted;
    }
  }
  return end;
}

/** A parameter's value as it is written, quotes and all. */
function written(parameters: string[], name: string): string | undefined {
  for (const item of parameters) {
    const equals = item.indexOf("=");
    if (equals >= 0 && item.slice(0, equals).trim().toLowerCase() === name)
      return item.slice(equals + 1).trim();
  }
  return undefined;
}

/** A parameter's value. curl escapes quotes and backslashes. */
export function parameter(parameters: string[], name: string): string | undefined {
  const value = written(parameters, name);
  if (value === undefined || value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value;
  return value.slice(1, -1).replace(/\\(["\\])/g, "$1");
}

/** The name of a field or file: browsers and undici write quotes and line breaks in it as %22, %0D and %0A. */
export function nameParameter(parameters: string[], name: string): string | undefined {
  const value = parameter(parameters, name);
  if (!written(parameters, name)?.startsWith('"')) return value;
  return value?.replace(/%(22|0D|0A)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** RFC 8187: `utf-8''%e4%bd%a0.txt`. */
export function extendedParameter(parameters: string[], name: string): string | undefined {
  const [, encoded] = /^utf-8'[^']*'(.*)$/i.exec(parameter(parameters, name) ?? "") ?? [];
  if (encoded === undefined) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
