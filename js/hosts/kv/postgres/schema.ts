/**
 * What is in the database, and how it gets there. A version that changes it appends a step, which leaves what the version
 * before it uses as it was: so machines of two neighbouring versions may serve side by side while they are replaced.
 */

import type { PostgresClient, PostgresPool } from "./pool.ts";

export const SCHEMA = "edgebatch";
/** Where changes are announced, each with the name of its tenant. */
export const CHANNEL = "edgebatch";

/** Of this lock of the whole database nothing else is to be guessed. */
const MIGRATION_LOCK = "7279113058426319021";
/** Of the locks of tenants. */
const TENANT_SEED = 20_261_128;

/**
 * From nothing to version 1, from there to 2, and so on. Keys are bytes, as `text` holds no U+0000 and sorts by a
 * collation. The lock makes checks of absent keys hold, which have no row to lock; what comes after it sees all that was
 * written before it was taken, if each statement has a snapshot of its own.
 */
export const STEPS: readonly string[] = [
  `CREATE TABLE ${SCHEMA}.kv (
     tenant text COLLATE "C" NOT NULL, key bytea NOT NULL, value bytea NOT NULL, PRIMARY KEY (tenant, key));
   CREATE FUNCTION ${SCHEMA}.kv_write(
     of_tenant text, keys bytea[], vals bytea[], check_keys bytea[], check_vals bytea[], channel text
   ) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $body$
   BEGIN
     IF current_setting('transaction_isolation') <> 'read committed' THEN
       RAISE EXCEPTION 'edgebatch needs the isolation level read committed, and default_transaction_isolation says %',
         current_setting('transaction_isolation');
     END IF;
     PERFORM pg_advisory_xact_lock(hashtextextended(of_tenant, ${TENANT_SEED}));
     IF EXISTS (
       SELECT FROM unnest(check_keys, check_vals) AS c(k, v)
       LEFT JOIN ${SCHEMA}.kv ON kv.tenant = of_tenant AND kv.key = c.k
       WHERE kv.value IS DISTINCT FROM c.v
     ) THEN
       RETURN false;
     END IF;
     DELETE FROM ${SCHEMA}.kv USING unnest(keys, vals) AS w(k, v)
       WHERE kv.tenant = of_tenant AND kv.key = w.k AND w.v IS NULL;
     INSERT INTO ${SCHEMA}.kv (tenant, key, value)
       SELECT of_tenant, k, v FROM unnest(keys, vals) AS w(k, v) WHERE v IS NOT NULL
       ON CONFLICT (tenant, key) DO UPDATE SET value = excluded.value;
     IF channel IS NOT NULL THEN
       PERFORM pg_notify(channel, of_tenant);
     END IF;
     RETURN true;
   END $body$`,
];

/** The oldest version that can use the schema as the last step leaves it. */
const USABLE_FROM = 1;

/**
 * Makes what is missing. One at a time does, and whoever comes later finds it done.
 * @throws Error where the schema is of a version that this one cannot use
 */
export async function migrate(pool: PostgresPool, steps = STEPS, usableFrom = USABLE_FROM): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    const found = await version(client);
    if (found.usableFrom > steps.length) {
      throw new Error(
        `the database's schema "${SCHEMA}" is of version ${found.version}, and needs a server that knows version ` +
          `${found.usableFrom}; this one knows ${steps.length}: start a newer one`,
      );
    }
    for (const step of steps.slice(found.version)) await client.query(step);
    if (found.version < steps.length) {
      await client.query(`DELETE FROM ${SCHEMA}.version`);
      await client.query(`INSERT INTO ${SCHEMA}.version VALUES ($1, $2)`, [steps.length, usableFrom]);
    }
    await client.query("COMMIT");
  } catch (error) {
    // With the connection what it had begun ends.
    client.release(true);
    throw error;
  }
  client.release();
}

/** What the schema is; version 0 where there is none yet. */
async function version(client: PostgresClient): Promise<{ version: number; usableFrom: number }> {
  const exists = await client.query(`SELECT to_regclass('${SCHEMA}.version') IS NOT NULL AS there`);
  if (!(exists.rows[0] as { there: boolean }).there) {
    // Only where there is none: a user who may make no schema can have been given one.
    const given = await client.query("SELECT FROM pg_namespace WHERE nspname = $1", [SCHEMA]);
    if (given.rows.length === 0) await client.query(`CREATE SCHEMA ${SCHEMA}`);
    await client.query(
      `CREATE TABLE ${SCHEMA}.version (version integer NOT NULL, usable_from integer NOT NULL)`,
    );
  }
  const { rows } = await client.query(`SELECT version, usable_from FROM ${SCHEMA}.version`);
  const row = rows[0] as { version: number; usable_from: number } | undefined;
  return { version: row?.version ?? 0, usableFrom: row?.usable_from ?? 0 };
}
