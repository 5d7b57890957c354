/** What can be mended in the file, with a button for each; or, of a file that was, what it is and its download. */
import { cureNames } from "../../core/cures.ts";
import type { Cured } from "../../core/repair.ts";
import type { Session } from "../check/session.ts";
import { Failure } from "../failure.tsx";
import { percent, plural } from "../format.ts";
import { save } from "../save.ts";

function curesOf({ repair }: Session): Cured[] {
  return repair.value?.state === "found" ? repair.value.cures : [];
}

/** All repairs with one click, where there are any. */
export function RepairAll({ session }: { session: Session }) {
  if (curesOf(session).length === 0) return null;
  return (
    <button type="button" class="primary" onClick={() => session.startRepair(null)}>
      Make a repaired copy
    </button>
  );
}

/** How far a repair is, or that this file came of one. */
export function RepairNotice({ session }: { session: Session }) {
  const { name, blob, repairedFrom } = session.file;
  const repair = session.repair.value;
  return (
    <>
      {repairedFrom !== undefined && (
        <p class="notice">
          This is the repaired copy of {repairedFrom}, which is unchanged.{" "}
          <button type="button" class="link" onClick={() => save(blob, name)}>
            Download {name}
          </button>
        </p>
      )}
      <Failure text={repair?.state === "failed" ? repair.message : ""} />
      {repair?.state === "writing" && (
        <p class="notice" role="status">
          Repairing: {percent(repair.read, blob.size)}{" "}
          <button type="button" class="link" onClick={() => session.stopRepair()}>
            Stop
          </button>
        </p>
      )}
    </>
  );
}

/** Repairs one at a time, with examples. */
export function RepairPanel({ session }: { session: Session }) {
  const cures = curesOf(session);
  if (cures.length === 0) return null;
  return (
    <section class="card repair" aria-label="Repair">
      <h3>Repair</h3>
      <p class="muted">
        Every repair writes a new file on this device and checks it. The original is not changed.
      </p>
      <details open={cures.length === 1}>
        <summary>{plural(cures.length, "kind")} of repair, one at a time, with examples</summary>
        <ul>
          {cures.map((cured) => (
            <Kind key={cured.cure} session={session} cured={cured} />
          ))}
        </ul>
      </details>
    </section>
  );
}

function Kind({ session, cured: { cure, count, examples } }: { session: Session; cured: Cured }) {
  const places = cure === "encoding" ? plural(count, "place") : plural(count, "line");
  return (
    <li>
      <button
        type="button"
        onClick={() => {
          session.startRepair([cure]);
          // How far it is, and then what came out, is said there.
          scrollTo(0, 0);
        }}
      >
        {cureNames[cure]}
      </button>
      <details>
        <summary>
          {places}, <span class="muted">such as line {examples[0]?.line}</span>
        </summary>
        {examples.map(({ line, before, after }) => (
          <dl key={line}>
            <dt>Line {line}</dt>
            <dd>
              <del>{before}</del>
              <ins>{after}</ins>
            </dd>
          </dl>
        ))}
      </details>
    </li>
  );
}
