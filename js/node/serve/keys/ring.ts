/** The keys of `edgebatch serve`: those of its state folder and those of `--api-keys`, as they stand at this moment. */

import { readFile, stat } from "node:fs/promises";
import { type HashedKey, keysOf, parsePairs, refuseShared } from "../../../server/auth.ts";
import { log, logError } from "../../../server/log.ts";
import type { KeyRing } from "../../../server/ports.ts";
import { isLoopback } from "../address.ts";
import { checkPlace } from "../state-folder.ts";
import { keysFile, parseKeys, readKeys } from "./stored.ts";

/** Files are looked at this often, and what is new is taken once it has stood for one more look: an editor may be at it. */
const LOOK_MS = 250;

export interface KeySettings {
  /** The state folder, whose keys count; none where several servers share their state. */
  readonly data: string | undefined;
  readonly host: string;
  /** `name:sha256` pairs, or the name of a file. */
  readonly apiKeys?: string | undefined;
  /** Who said it, for errors: `--api-keys`. */
  readonly apiKeysBy?: string;
  readonly allowAnonymous?: boolean;
}

type WithDefaults = Required<Omit<KeySettings, "apiKeys">> & Pick<KeySettings, "apiKeys">;
const HERE = "edgebatch keys add NAME";
/** Where no folder holds keys. */
const ELSEWHERE = "edgebatch keys entry NAME, for --api-keys";

export interface ServeKeys extends KeyRing {
  /** Whether only calls to names of this machine are answered: without keys, pages elsewhere could reach the server. */
  readonly localNamesOnly: boolean;
  /** Whether callers are asked for a key. Once there were keys they are, though all have been revoked. */
  readonly areNeeded: boolean;
  /** Calls back when keys came or went, until it is stopped. */
  watch(changed: () => void): () => void;
}

/** Reads the keys. @throws Error that names the setting that cannot be right */
export async function openKeys(settings: KeySettings): Promise<ServeKeys> {
  const { data, host, apiKeys, apiKeysBy = "--api-keys", allowAnonymous = false } = settings;
  const sources: Source[] = [];
  if (data !== undefined) {
    checkPlace(data);
    sources.push(await Source.open(keysFile(data), async () => (await readKeys(data)) ?? []));
  }
  let fixed: HashedKey[] = [];
  if (apiKeys !== undefined) {
    if (words(apiKeys).some((word) => pair.test(word))) fixed = pairsOf(apiKeys, apiKeysBy);
    else {
      const file = await Source.open(apiKeys, () => keysOfFile(apiKeys, apiKeysBy));
      if (file.keys.length === 0) throw new Error(`${apiKeysBy}: ${apiKeys} holds no name:sha256 pair`);
      sources.push(file);
    }
  }
  const ring = new Ring(sources, fixed, { ...settings, apiKeysBy, allowAnonymous });
  if (!ring.areNeeded && !isLoopback(host) && !allowAnonymous) {
    throw new Error(
      `--host ${host} lets other machines call: ${data === undefined ? "" : "make a key for each caller (edgebatch keys add NAME), "}` +
        "give keys that there are (--api-keys), or --allow-anonymous to serve everyone",
    );
  }
  return ring;
}

class Ring implements ServeKeys {
  readonly #sources: readonly Source[];
  readonly #fixed: readonly HashedKey[];
  readonly #settings: WithDefaults;
  #known: ReturnType<typeof keysOf>;
  #areNeeded: boolean;

  constructor(sources: readonly Source[], fixed: readonly HashedKey[], settings: WithDefaults) {
    this.#sources = sources;
    this.#fixed = fixed;
    this.#settings = settings;
    const keys = this.#all();
    const { data, apiKeys, apiKeysBy } = settings;
    refuseShared(keys, apiKeys === undefined && data !== undefined ? keysFile(data) : apiKeysBy);
    this.#known = keysOf(keys);
    this.#areNeeded = settings.apiKeys !== undefined || sources.some(({ isThere }) => isThere);
  }

  find(sha256: string) {
    return this.#known.find(sha256);
  }

  names() {
    return this.#known.names();
  }

  models(name: string) {
    return this.#known.models(name);
  }

  get areNeeded() {
    return this.#areNeeded;
  }

  get allowsAnonymous() {
    const { allowAnonymous, host } = this.#settings;
    return allowAnonymous || (!this.#areNeeded && isLoopback(host));
  }

  get localNamesOnly() {
    return !this.#settings.allowAnonymous && !this.#areNeeded;
  }

  get advice() {
    return `its operator makes a key (${this.#maker}), or serves everyone (--allow-anonymous).`;
  }

  get adviceForPages() {
    return `Make a key (${this.#maker}) to use it from there.`;
  }

  get #maker() {
    return this.#settings.data === undefined ? ELSEWHERE : HERE;
  }

  watch(changed: () => void): () => void {
    let timer: ReturnType<typeof setTimeout>;
    let isStopped = false;
    const look = async () => {
      const news = await Promise.all(this.#sources.map((source) => source.look()));
      if (isStopped) return;
      if (news.includes(true)) {
        const keys = this.#all();
        this.#known = keysOf(keys);
        // What was deleted behind the server's back opens it to nobody.
        this.#areNeeded ||= this.#sources.some(({ isThere }) => isThere);
        log("keys.read", { keys: keys.length });
        changed();
      }
      timer = setTimeout(look, LOOK_MS);
    };
    timer = setTimeout(look, LOOK_MS);
    return () => {
      isStopped = true;
      clearTimeout(timer);
    };
  }

  #all(): HashedKey[] {
    return [...this.#fixed, ...this.#sources.flatMap(({ keys }) => keys)];
  }
}

/** A file of keys. What cannot be read, or is not there any more, leaves what was read before. */
class Source {
  readonly #path: string;
  readonly #read: () => Promise<HashedKey[]>;
  /** What the file looked like when it was last read, and at the last look. */
  #taken = "";
  #seen = "";
  keys: HashedKey[] = [];

  private constructor(path: string, read: () => Promise<HashedKey[]>) {
    this.#path = path;
    this.#read = read;
  }

  static async open(path: string, read: () => Promise<HashedKey[]>): Promise<Source> {
    const source = new Source(path, read);
    source.#taken = source.#seen = await looks(path);
    source.keys = await read();
    return source;
  }

  get isThere(): boolean {
    return this.#taken !== MISSING;
  }

  /** Whether there are other keys than before. */
  async look(): Promise<boolean> {
    const seen = await looks(this.#path);
    const hasSettled = seen === this.#seen;
    this.#seen = seen;
    if (!hasSettled || seen === this.#taken) return false;
    // Before it is read: what comes while it is read is seen by the next look. What is wrong is told of once.
    this.#taken = seen;
    try {
      this.keys = await this.#read();
      return true;
    } catch (error) {
      logError("keys.unreadable", error);
      return false;
    }
  }
}

const MISSING = "ENOENT";

async function looks(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown";
  }
}

const pair = /^[A-Za-z0-9_.-]{1,64}:[0-9a-f]{64}$/i;

const words = (text: string) => text.split(/[\s,]+/).filter((word) => word !== "");

function pairsOf(text: string, what: string): HashedKey[] {
  const wrong = words(text).findIndex((word) => !pair.test(word));
  if (wrong >= 0)
    throw new Error(
      `${what}: entry ${wrong + 1} is no name:sha256 pair, which has the 64 hex digits of a key's hash; edgebatch keys add NAME makes both`,
    );
  return parsePairs(text, what);
}

/** Keys of a file of pairs, or of one that `edgebatch keys` has written. */
async function keysOfFile(path: string, by: string): Promise<HashedKey[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `${by} takes name:sha256 pairs, separated by commas, or a file that holds them; this is neither (${error.code})`,
    );
  });
  return text.trimStart().startsWith("{") ? parseKeys(text, path) : pairsOf(text, by);
}
