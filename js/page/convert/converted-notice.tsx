/** Of a file that was made of another: of what, what was left out, and its download. */
import type { Session } from "../check/session.ts";
import { count, plural } from "../format.ts";
import { save } from "../save.ts";

const MOST_SHOWN = 50;

export function ConvertedNotice({ session }: { session: Session }) {
  const { name, blob, convertedFrom } = session.file;
  if (!convertedFrom) return null;
  const { rows, written, errors, errorCount } = convertedFrom.made;
  return (
    <div class="notice">
      Converted from {convertedFrom.name}, which is unchanged: {count(written)} of {plural(rows, "row")}.{" "}
      <button type="button" class="link" onClick={() => save(blob, name)}>
        Download {name}
      </button>
      {errorCount > 0 && (
        <details>
          <summary>{plural(errorCount, "row")} left out</summary>
          <ul>
            {errors.slice(0, MOST_SHOWN).map(({ line, message }) => (
              <li key={`${line} ${message}`}>
                {line === null ? message : `Line ${count(line)}: ${message}`}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
