// Browsers for the page's tests: the one of a variable, of the system, or of Debian's packages in our cache.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { cache, env } from "../lib/env.mjs";
import { capture, Failure, run, say, seconds, tryRun } from "../lib/process.mjs";

/** What is looked for, and how Debian has it. */
const browsers = {
  chromium: {
    variable: "CHROMIUM",
    label: "Chromium",
    names: ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"],
    macs: [
      "/Applications/Chromium.app/Contents/MacOS/Chromium",
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ],
    pack: "chromium",
    binary: "usr/lib/chromium/chromium",
    version: ["--version", "--no-sandbox"],
  },
  firefox: {
    variable: "FIREFOX",
    label: "Firefox",
    names: ["firefox-esr", "firefox"],
    macs: ["/Applications/Firefox.app/Contents/MacOS/firefox"],
    pack: "firefox-esr",
    binary: "usr/lib/firefox-esr/firefox-esr",
    version: ["--version"],
  },
};

const folderOf = ({ pack }) => join(cache, `debian-${pack}`);

export const chromiumPath = () => pathOf(browsers.chromium);
export const firefoxPath = () => pathOf(browsers.firefox);
export const chromium = () => found(browsers.chromium);
export const firefox = () => found(browsers.firefox);

/** The path of a browser that is there; null when there is none. */
function pathOf(browser) {
  const given = process.env[browser.variable];
  if (given) return given;
  const folders = (process.env.PATH ?? "").split(delimiter);
  const onPath = browser.names.flatMap((name) => folders.map((each) => join(each, name)));
  const path = [...onPath, ...browser.macs].find((each) => existsSync(each));
  const folder = folderOf(browser);
  return path ?? (existsSync(join(folder, "ready")) ? join(folder, browser.pack) : null);
}

/** Finds a browser or gets one: installed where we are root, else unpacked into our cache. */
function found(browser) {
  const { variable, label, version } = browser;
  const there = pathOf(browser);
  if (there !== null) {
    // A path that was given is taken at its word only if it runs.
    if (capture(there, version) !== null) return there;
    throw new Failure(`set-up: ${there} does not run; mend it, or set ${variable} to one that does`);
  }
  if (capture("apt-get", ["--version"]) === null || capture("dpkg", ["--version"]) === null) {
    throw new Failure(
      `set-up: the page's tests need ${label}, and this is no Debian, where it could be had.\n` +
        `Install one, or set ${variable} to its path, then try again`,
    );
  }
  const start = performance.now();
  if (process.getuid?.() === 0) install(browser);
  else unpack(browser);
  const path = pathOf(browser);
  if (path === null || capture(path, version) === null)
    throw new Failure(
      `set-up: ${label} does not run after its installation; set ${variable} to the path of one that does`,
    );
  say(`set-up: ${label} ready in ${seconds(start)} (${path})`);
  return path;
}

function install({ label, pack }) {
  say(`set-up: installing ${label} for the page's tests (apt-get install ${pack}) …`);
  const quiet = { env: { ...env, DEBIAN_FRONTEND: "noninteractive" } };
  const options = ["-qq", "-y", "--no-install-recommends", pack];
  if (tryRun("apt-get", ["install", ...options], quiet)) return;
  run("apt-get", ["-qq", "update"], quiet);
  run("apt-get", ["install", ...options], quiet);
}

/** Without root: the packages that the system lacks, unpacked beside each other. */
function unpack(browser) {
  const { label, pack, binary, variable } = browser;
  const folder = folderOf(browser);
  say(`set-up: fetching ${label} for the page's tests with apt-get (about 100 MB) …`);
  rmSync(folder, { recursive: true, force: true });
  const apt = join(folder, "apt");
  for (const part of ["lists/partial", "cache/archives/partial"])
    mkdirSync(join(apt, part), { recursive: true });
  const settings = [`Dir::State::Lists=${apt}/lists`, `Dir::Cache=${apt}/cache`, "Debug::NoLocking=1"];
  const options = ["-qq", ...settings.flatMap((setting) => ["-o", setting])];
  const download = ["install", "--download-only", "--reinstall", "--no-install-recommends", "-y", pack];
  if (!tryRun("apt-get", [...options, "update"]) || !tryRun("apt-get", [...options, ...download])) {
    throw new Failure(
      `set-up: apt-get could not fetch ${label}; install it as root (apt-get install ${pack}), or set ${variable}`,
    );
  }
  const root = join(folder, "root");
  for (const file of readdirSync(join(apt, "cache/archives")))
    if (file.endsWith(".deb")) run("dpkg", ["-x", join(apt, "cache/archives", file), root]);
  const system = readdirSync(join(root, "usr/lib")).find((name) => name.endsWith("-linux-gnu"));
  const libraries = system === undefined ? [] : [join(root, "usr/lib", system), join(root, "lib", system)];
  const path = [...libraries, dirname(join(root, binary))].join(":");
  const script = `#!/bin/sh
export LD_LIBRARY_PATH='${path}'\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
exec '${root}/${binary}' "$@"
`;
  writeFileSync(join(folder, pack), script, { mode: 0o755 });
  rmSync(apt, { recursive: true, force: true });
  writeFileSync(join(folder, "ready"), "");
}
