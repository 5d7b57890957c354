// Chromium for the page's tests: the one of $CHROMIUM, of the system, or of Debian's packages in our cache.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { cache, env } from "../lib/env.mjs";
import { capture, Failure, run, say, seconds, tryRun } from "../lib/process.mjs";

const folder = join(cache, "debian-chromium");
const ready = join(folder, "ready");
const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const macs = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The path of a Chromium that is there; null when there is none. */
export function chromiumPath() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? "").split(delimiter);
  const onPath = names.flatMap((name) => folders.map((each) => join(each, name)));
  const found = [...onPath, ...macs].find((path) => existsSync(path));
  return found ?? (existsSync(ready) ? join(folder, "chromium") : null);
}

/** Finds a Chromium or gets one: installed where we are root, else unpacked into our cache. */
export function chromium() {
  const found = chromiumPath();
  if (found !== null) {
    // A path that was given is taken at its word only if it runs.
    if (capture(found, ["--version", "--no-sandbox"]) !== null) return found;
    throw new Failure(`set-up: ${found} does not run; mend it, or set CHROMIUM to one that does`);
  }
  if (capture("apt-get", ["--version"]) === null || capture("dpkg", ["--version"]) === null) {
    throw new Failure(
      "set-up: the page's tests need Chromium or Chrome, and this is no Debian, where it could be had.\n" +
        "Install one, or set CHROMIUM to its path, then try again",
    );
  }
  const start = performance.now();
  if (process.getuid?.() === 0) install();
  else unpack();
  const path = chromiumPath();
  if (path === null || capture(path, ["--version", "--no-sandbox"]) === null)
    throw new Failure(
      "set-up: Chromium does not run after its installation; set CHROMIUM to the path of one that does",
    );
  say(`set-up: Chromium ready in ${seconds(start)} (${path})`);
  return path;
}

function install() {
  say("set-up: installing Chromium for the page's tests (apt-get install chromium) …");
  const quiet = { env: { ...env, DEBIAN_FRONTEND: "noninteractive" } };
  const options = ["-qq", "-y", "--no-install-recommends", "chromium"];
  if (tryRun("apt-get", ["install", ...options], quiet)) return;
  run("apt-get", ["-qq", "update"], quiet);
  run("apt-get", ["install", ...options], quiet);
}

/** Without root: the packages that the system lacks, unpacked beside each other. */
function unpack() {
  say("set-up: fetching Chromium for the page's tests with apt-get (about 100 MB) …");
  rmSync(folder, { recursive: true, force: true });
  const apt = join(folder, "apt");
  for (const part of ["lists/partial", "cache/archives/partial"])
    mkdirSync(join(apt, part), { recursive: true });
  const settings = [`Dir::State::Lists=${apt}/lists`, `Dir::Cache=${apt}/cache`, "Debug::NoLocking=1"];
  const options = ["-qq", ...settings.flatMap((setting) => ["-o", setting])];
  const download = ["install", "--download-only", "--reinstall", "--no-install-recommends", "-y", "chromium"];
  if (!tryRun("apt-get", [...options, "update"]) || !tryRun("apt-get", [...options, ...download])) {
    throw new Failure(
      "set-up: apt-get could not fetch Chromium; install it as root (apt-get install chromium), or set CHROMIUM",
    );
  }
  const root = join(folder, "root");
  for (const file of readdirSync(join(apt, "cache/archives")))
    if (file.endsWith(".deb")) run("dpkg", ["-x", join(apt, "cache/archives", file), root]);
  const system = readdirSync(join(root, "usr/lib")).find((name) => name.endsWith("-linux-gnu"));
  const libraries = system === undefined ? [] : [join(root, "usr/lib", system), join(root, "lib", system)];
  const path = [...libraries, join(root, "usr/lib/chromium")].join(":");
  const script = `#!/bin/sh
export LD_LIBRARY_PATH='${path}'\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
exec '${root}/usr/lib/chromium/chromium' "$@"
`;
  writeFileSync(join(folder, "chromium"), script, { mode: 0o755 });
  rmSync(apt, { recursive: true, force: true });
  writeFileSync(ready, "");
}
