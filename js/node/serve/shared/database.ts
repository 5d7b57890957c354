/** Records of all tenants in one Postgres, and word of what other servers change there. */

import type pg from "pg";
import type { KV } from "../../../core/types.ts";
import { CHANNEL, SCHEMA } from "../../../hosts/kv/postgres/schema.ts";
import { PostgresKV } from "../../../hosts/kv/postgres.ts";
import { RUN, SEATS } from "../../../server/keys.ts";
import { logError, logWarning } from "../../../server/log.ts";
import { postgresLibrary } from "./libraries.ts";

/** A database that answers nothing for so long counts as away: shorter than a batch's lease. */
const ANSWER_MS = 6_000;
/** How often all is looked at behind the announcements, which may be lost with a connection, or by a pooler. */
const LOOK_MS = 5_000;
/** How long announcements of one tenant are gathered. */
const GATHER_MS = 20;
/** Connections of one server: a write takes one while the disk flushes. */
const CONNECTIONS = 16;

/** How long a start waits for a database that is not there yet, and how often it looks. */
const START_MS = 60_000;
const START_LOOK_MS = 500;
/** Of a database that may be starting, or starting anew, or whose name is not known yet. Anything else is wrong, and stays so. */
const NOT_YET = /^(ECONN(REFUSED|RESET)|ETIMEDOUT|E(HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|57P0[123])$/;
/** The same, of which the library has no code. */
const CUT_OFF = /^(Connection terminated|timeout exceeded|Query read timeout)/;

/** What other servers hear of: what is to run, and where it does. */
const ANNOUNCED = [RUN, SEATS];

/** Every tenant with anything, and whether a batch of it has not ended: one step of the index for each. */
const TENANTS = `
  WITH RECURSIVE t AS (
    (SELECT tenant FROM ${SCHEMA}.kv ORDER BY tenant LIMIT 1)
    UNION ALL
    SELECT (SELECT kv.tenant FROM ${SCHEMA}.kv WHERE kv.tenant > t.tenant ORDER BY kv.tenant LIMIT 1) FROM t
    WHERE t.tenant IS NOT NULL
  )
  SELECT tenant, EXISTS (
    SELECT FROM ${SCHEMA}.kv WHERE kv.tenant = t.tenant AND kv.key >= $1::bytea AND kv.key < $2::bytea
  ) AS busy FROM t WHERE tenant IS NOT NULL`;

export class Database {
  readonly #pool: pg.Pool;
  readonly #library: typeof pg;
  readonly #config: pg.ClientConfig;
  readonly #there = new Set<string>();

  private constructor(library: typeof pg, config: pg.ClientConfig) {
    this.#library = library;
    this.#config = config;
    this.#pool = new library.Pool({ ...config, max: CONNECTIONS });
    // Of connections that nobody uses: the next call opens another.
    this.#pool.on("error", (error) => logWarning("database.connection_lost", { reason: error.message }));
  }

  /** Connects, and makes the schema; waits for a database that is starting. @throws Error that says why not */
  static async open(url: string, waitMs = START_MS): Promise<Database> {
    const database = new Database(await postgresLibrary(), {
      ...{ connectionString: url, application_name: "edgebatch", keepAlive: true },
      ...{ connectionTimeoutMillis: ANSWER_MS, query_timeout: ANSWER_MS },
    });
    try {
      await database.#awaited(waitMs, async () => {
        await PostgresKV.migrate(database.#pool);
        await database.#look();
      });
    } catch (error) {
      await database.close();
      throw new Error(`--store cannot be used: ${reasonOf(error)}`);
    }
    return database;
  }

  async #awaited(waitMs: number, use: () => Promise<void>): Promise<void> {
    const last = performance.now() + waitMs;
    for (let isSaid = false; ; isSaid = true) {
      try {
        return await use();
      } catch (error) {
        const { code = "", message } = error as Error & { code?: string };
        const isThereLater = NOT_YET.test(code) || CUT_OFF.test(message);
        if (!isThereLater || performance.now() >= last) throw error;
        if (!isSaid) logWarning("database.awaited", { reason: reasonOf(error), seconds: waitMs / 1_000 });
        await new Promise((resolve) => setTimeout(resolve, START_LOOK_MS));
      }
    }
  }

  /** The records of a tenant. What the database cannot do is said as that. */
  store(tenant: string, announced: readonly string[] = ANNOUNCED): KV & { close(): void } {
    const kv = new PostgresKV({ pool: this.#pool, tenant, announced });
    return {
      caps: kv.caps,
      get: (key) => named(kv.get(key)),
      set: (key, value) => named(kv.set(key, value)),
      delete: (key) => named(kv.delete(key)),
      list: (query) => named(kv.list(query)),
      batch: (ops, checks) => named(kv.batch(ops, checks)),
      close: () => {},
    };
  }

  /** Whether there was anything of a tenant at the last look. */
  has(tenant: string): boolean {
    return this.#there.has(tenant);
  }

  async bytes(): Promise<number> {
    const { rows } = await this.#pool.query(`SELECT pg_total_relation_size('${SCHEMA}.kv')::float8 AS bytes`);
    return rows[0].bytes;
  }

  /** Whether it answers, and takes writes. */
  async probe(): Promise<void> {
    const { rows } = await this.#pool.query("SELECT pg_is_in_recovery() AS standby");
    if (rows[0].standby) throw new Error("the database is a standby, which takes no writes");
  }

  /** Calls back for each tenant that another server may have changed, until it is ended. */
  watch(changed: (tenant: string) => void): () => void {
    const gathered = new Map<string, ReturnType<typeof setTimeout>>();
    let isEnded = false;
    const tell = (tenant: string) => {
      if (isEnded || gathered.has(tenant)) return;
      const timer = setTimeout(() => {
        gathered.delete(tenant);
        this.#there.add(tenant);
        changed(tenant);
      }, GATHER_MS);
      gathered.set(tenant, timer);
    };
    let listener: pg.Client | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let wasAway = false;
    const round = async () => {
      try {
        listener ??= await this.#listen(tell, () => {
          listener = undefined;
        });
        for (const tenant of await this.#look()) tell(tenant);
        if (wasAway) logWarning("database.back");
        wasAway = false;
      } catch (error) {
        if (!wasAway && !isEnded) logError("database.away", error);
        wasAway = true;
      }
      if (isEnded) return void listener?.end().catch(() => undefined);
      timer = setTimeout(round, wasAway ? 1_000 : LOOK_MS);
    };
    timer = setTimeout(round, 0);
    return () => {
      isEnded = true;
      clearTimeout(timer);
      for (const waiting of gathered.values()) clearTimeout(waiting);
      void listener?.end().catch(() => undefined);
    };
  }

  async close(): Promise<void> {
    await this.#pool.end().catch(() => undefined);
  }

  /** Tenants with something that has not ended. */
  async #look(): Promise<string[]> {
    const end = `${RUN.slice(0, -1)}${String.fromCharCode(RUN.charCodeAt(RUN.length - 1) + 1)}`;
    const { rows } = await this.#pool.query(TENANTS, [Buffer.from(RUN), Buffer.from(end)]);
    for (const { tenant } of rows) this.#there.add(tenant);
    return rows.filter(({ busy }) => busy).map(({ tenant }) => tenant);
  }

  async #listen(tell: (tenant: string) => void, lost: () => void): Promise<pg.Client> {
    const client = new this.#library.Client(this.#config);
    client.on("error", lost);
    client.on("end", lost);
    client.on("notification", ({ payload }) => tell(payload ?? ""));
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      return client;
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
  }
}

/** Of several addresses that a name has, Node says only what each of them answered. */
function reasonOf(error: unknown): string {
  const { message, code } = error as Error & { code?: string };
  return message || code || "it cannot be reached";
}

async function named<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof RangeError) throw error;
    throw new Error(`the database cannot be used: ${(error as Error).message}`, { cause: error });
  }
}
