// What the release consists of, as one CycloneDX document: npm's own list of packages and cargo's of crates.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bundled } from "../gates/licences.mjs";
import { env, root } from "../lib/env.mjs";
import { capture, Failure } from "../lib/process.mjs";

const large = { maxBuffer: 1 << 28 };

/** npm's packages that are given on: those the package needs to run, and those inside its bundles. */
export function packages() {
  const args = ["sbom", "--package-lock-only", "--sbom-format=cyclonedx", "--loglevel=error"];
  const text = capture("npm", args, large);
  if (text === null) throw new Failure("release: npm sbom fails");
  const isTool = ({ properties = [] }) =>
    properties.some(({ name, value }) => name === "cdx:npm:package:development" && value === "true");
  // The one at the top of node_modules: a tool may have a version of its own below.
  const locked = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const isBundled = ({ name, version }) =>
    bundled.includes(name) && locked[`node_modules/${name}`]?.version === version;
  return JSON.parse(text)
    .components.filter((each) => !isTool(each) || isBundled(each))
    .map(({ "bom-ref": ref, type, name, group, version, purl, licenses, hashes }) => ({
      ...{ "bom-ref": ref, type, name, group, version, purl, licenses, hashes },
    }));
}

/** The crates that are compiled into the wasm. */
function crates() {
  const args = ["tree", "--locked", "--prefix=none", "--edges=normal", "--format={p}\t{l}"];
  const text = capture("cargo", [...args, "--target=wasm32-unknown-unknown"], { ...large, env });
  if (text === null) throw new Failure("release: cargo tree fails");
  const lines = new Set(text.split("\n").map((line) => line.replace(/ \(\*\)$/, "")));
  return [...lines].flatMap((line) => {
    const [, name, version, licence] = /^(\S+) v(\S+)[^\t]*\t(.*)$/.exec(line) ?? [];
    if (name === undefined || name === "edgebatch") return [];
    const purl = `pkg:cargo/${name}@${version}`;
    const licenses = [{ expression: licence.replaceAll("/", " OR ") }];
    return [{ "bom-ref": purl, type: "library", name, version, purl, licenses }];
  });
}

/** The document, the same for the same components and time (seconds). */
export function sbom(version, time, components = [...packages(), ...crates()]) {
  const sorted = [...components].sort((a, b) => (a["bom-ref"] < b["bom-ref"] ? -1 : 1));
  const digest = createHash("sha256")
    .update(JSON.stringify([version, time, sorted]))
    .digest("hex");
  const uuid = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
  const component = { "bom-ref": `edgebatch@${version}`, type: "application", name: "edgebatch", version };
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    serialNumber: `urn:uuid:${uuid}`,
    version: 1,
    metadata: { timestamp: new Date(time * 1000).toISOString(), component },
    components: sorted,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
