// The version that every file says, and what the changelog says of it.
import { Failure } from "../lib/process.mjs";

/** What says the version, and how it is read there. */
const places = {
  "package.json": (text) => JSON.parse(text).version,
  "package-lock.json": (text) => JSON.parse(text).packages[""].version,
  "Cargo.toml": (text) => /^\[package\][^[]*?^version = "([^"]+)"/ms.exec(text)?.[1],
  "Cargo.lock": (text) => /^name = "edgebatch"\nversion = "([^"]+)"/m.exec(text)?.[1],
  "CHANGELOG.md": (text) => /^## \[([^\]]+)\]/m.exec(text)?.[1],
};

/** The one version of the project; a Failure names the files that say another than package.json. */
export function version(read) {
  const said = Object.entries(places).map(([file, find]) => [file, find(read(file)) ?? "none"]);
  const [, wanted] = said[0];
  const others = said.filter(([, found]) => found !== wanted);
  if (others.length > 0) {
    const lines = others.map(([file, found]) => `${file} says ${found}`);
    throw new Failure(`release: package.json says ${wanted}, but\n  ${lines.join("\n  ")}`);
  }
  return wanted;
}

/** What the changelog says of a version: its date (null while it has none), and its text. */
export function notes(changelog, wanted) {
  const sections = changelog.split(/^(?=## )/m);
  const section = sections.find((text) => text.startsWith(`## [${wanted}]`));
  if (section === undefined) throw new Failure(`release: CHANGELOG.md has no section [${wanted}]`);
  const [heading, ...lines] = section.split("\n");
  const text = lines.join("\n").trim();
  if (text === "") throw new Failure(`release: CHANGELOG.md says nothing of ${wanted}`);
  const date = /^## \[[^\]]+\] - (\d{4}-\d{2}-\d{2})$/.exec(heading)?.[1] ?? null;
  return { date, text: `# edgebatch ${wanted}\n\n${text}\n` };
}
