// Known holes in what we depend on. Their lists are on the network and change without us: where they cannot be asked,
// the gate says so and passes, as what was committed is no worse for it.
import { env, root } from "../lib/env.mjs";
import { capture, say, tee } from "../lib/process.mjs";
import { refuse } from "../lib/sources.mjs";

/** What ships must have none; tools, which meet no stranger's input, none that is grave. */
async function packages() {
  const complaints = [];
  for (const [args, least] of [
    [["--omit=dev"], ["info", "low", "moderate", "high", "critical"]],
    [[], ["high", "critical"]],
  ]) {
    const { output } = await tee("npm", ["audit", "--json", ...args], { quiet: true });
    const report = parsed(output);
    if (!report?.vulnerabilities) {
      say("advisories: npm packages were not checked: the registry does not answer `npm audit`");
      return [];
    }
    for (const { name, severity, range } of Object.values(report.vulnerabilities))
      if (least.includes(severity)) complaints.push(`${name} ${range} (npm): ${severity}`);
  }
  return [...new Set(complaints)];
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function crates() {
  if (capture("cargo", ["audit", "--version"]) === null) {
    say("advisories: crates were not checked: there is no cargo-audit (cargo install cargo-audit)");
    return [];
  }
  const complaints = [];
  const folders = ["", "component/", "component/host/", "fuzz/", "benches/rivals/"];
  for (const lock of folders.map((folder) => `${folder}Cargo.lock`)) {
    const { output } = await tee("cargo", ["audit", "--json", "--file", lock], {
      cwd: root,
      env,
      quiet: true,
    });
    const report = parsed(output);
    if (!report?.vulnerabilities) {
      say(`advisories: the crates of ${lock} were not checked: cargo-audit found no list of advisories`);
      continue;
    }
    for (const { advisory, package: crate } of report.vulnerabilities.list)
      complaints.push(`${crate.name} ${crate.version} (${lock}): ${advisory.id}, ${advisory.title}`);
  }
  return complaints;
}

export default async function advisories() {
  refuse("advisories", [...(await packages()), ...(await crates())]);
}
