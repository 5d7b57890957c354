/** `edgebatch verify`: whether files are those that a batch read and wrote, by its manifest. */

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { BatchManifest, ManifestFile } from "../../core/types.ts";
import { openInput } from "../input.ts";
import { modeFor, Progress } from "../progress.ts";
import { bytes, CannotRun, exit, oneLine, plural, print, say } from "../terminal.ts";
import { Api } from "./api.ts";
import { connectionOf, type ServerOptions } from "./connection.ts";
import { downloadInto } from "./download.ts";
import { ApiError } from "./faults.ts";
import { findBatch } from "./remote.ts";

export interface VerifyOptions extends ServerOptions {
  json?: boolean;
  quiet?: boolean;
}

const roles = ["input", "output", "error"] as const;
type Role = (typeof roles)[number];
type Known = Pick<ManifestFile, "bytes" | "lines" | "sha256">;

/** What one file turned out to be. */
interface Checked extends Known {
  file: string;
  /** What it is of the batch; null where it is none of its files. */
  role: Role | null;
}

/** Compares files with a manifest; without files, those that the server has. Gives the exit status. */
export async function verify(of: string, files: string[], options: VerifyOptions): Promise<number> {
  const progress = new Progress(modeFor({ quiet: options.quiet === true, lines: true }));
  const api = new Api(connectionOf(options), options.patience * 1_000, (text) =>
    progress.note(`edgebatch: ${text}`),
  );
  const manifest = await manifestOf(of, api);
  const checked: Checked[] = [];
  try {
    for (const file of files) checked.push(named(manifest, file, await ofDisk(file)));
    if (files.length === 0) checked.push(...(await ofServer(manifest, api)));
  } finally {
    progress.stop();
  }
  const wrong = checked.filter(({ role }) => role === null);
  for (const each of checked) await print(options.json ? `${JSON.stringify(each)}\n` : told(manifest, each));
  if (!options.quiet && !options.json) {
    if (wrong.length > 0) for (const role of roles) say(expected(role, manifest[role]));
    const unseen = roles.filter(
      (role) => manifest[role] !== null && !checked.some((each) => each.role === role),
    );
    if (wrong.length === 0 && unseen.length > 0) say(`not compared: ${unseen.join(", ")}`);
  }
  return wrong.length > 0 ? exit.bad : exit.good;
}

/** From a file, or of a batch of a server. @throws CannotRun */
async function manifestOf(of: string, api: Api): Promise<BatchManifest> {
  const isFile = (await stat(of).catch(() => null))?.isFile() ?? false;
  if (!isFile && /[\\/]|\.json$/.test(of)) throw new CannotRun(`${of}: no such file`);
  if (isFile) {
    let value: unknown;
    try {
      value = JSON.parse(await readFile(of, "utf8"));
    } catch (error) {
      throw new CannotRun(`${of} is no manifest: ${(error as Error).message}`);
    }
    return asManifest(value, of);
  }
  const { id } = await findBatch(api, of);
  let value: unknown;
  try {
    value = await api.call({ path: `/batches/${encodeURIComponent(id)}/manifest` });
  } catch (error) {
    if (!(error instanceof ApiError) || ![404, 405, 409, 501].includes(error.status)) throw error;
    throw new CannotRun(`${error.message.replace(/\.$/, "")}${error.status === 409 ? "" : whose}`);
  }
  // Some servers answer with what is nearest.
  return asManifest(value, "the server's answer", whose);
}

const whose = "; it is edgebatch serve and its Worker that make manifests";

/** @throws CannotRun for what is no manifest */
function asManifest(value: unknown, from: string, hint = ""): BatchManifest {
  const manifest = value as Partial<BatchManifest> | null;
  const isKnown = (file: unknown) => {
    const { bytes, lines, sha256 } = (file ?? {}) as Partial<ManifestFile>;
    return (
      file === null ||
      (Number.isInteger(bytes) && Number.isInteger(lines) && /^[0-9a-f]{64}$/.test(`${sha256}`))
    );
  };
  const isOne =
    manifest?.object === "batch.manifest" &&
    typeof manifest.batch_id === "string" &&
    roles.every((role) => isKnown(manifest[role]));
  if (isOne) return manifest as BatchManifest;
  throw new CannotRun(`${from} is no manifest of a batch${hint}`);
}

class Digest {
  readonly #hash = createHash("sha256");
  #bytes = 0;
  #lines = 0;
  #last = 0x0a;

  push(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, at + 1)) this.#lines += 1;
    this.#last = chunk.at(-1) ?? this.#last;
  }

  end(): Known {
    const lines = this.#lines + (this.#last === 0x0a ? 0 : 1);
    return { bytes: this.#bytes, lines, sha256: this.#hash.digest("hex") };
  }
}

async function ofDisk(file: string): Promise<Known> {
  const digest = new Digest();
  for await (const chunk of (await openInput(file)).chunks) digest.push(chunk);
  return digest.end();
}

async function ofServer(manifest: BatchManifest, api: Api): Promise<Checked[]> {
  const checked: Checked[] = [];
  for (const role of roles) {
    const known = manifest[role];
    if (known === null) continue;
    const digest = new Digest();
    try {
      await downloadInto(
        api,
        known.file_id,
        async (chunk) => digest.push(chunk),
        () => {},
      );
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      throw new CannotRun(`the ${role} file ${oneLine(known.file_id)} is gone from the server`);
    }
    const found = digest.end();
    const isIt = found.sha256 === known.sha256 && found.bytes === known.bytes;
    checked.push({ file: known.file_id, role: isIt ? role : null, ...found });
  }
  return checked;
}

function named(manifest: BatchManifest, file: string, found: Known): Checked {
  const role = roles.find((each) => {
    const known = manifest[each];
    return known !== null && known.sha256 === found.sha256 && known.bytes === found.bytes;
  });
  return { file, role: role ?? null, ...found };
}

function told({ batch_id }: BatchManifest, { file, role, ...found }: Checked): string {
  const what = role === null ? "is none of the files" : `is the ${role}`;
  return `${oneLine(file)}: ${what} of ${oneLine(batch_id)} (${size(found)})\n`;
}

function expected(role: Role, known: ManifestFile | null): string {
  if (known === null) return `${role}: none`;
  return `${role}: ${size(known)}, sha256 ${known.sha256}`;
}

function size(known: Known): string {
  return `${plural(known.lines, "line")}, ${bytes(known.bytes)}`;
}
