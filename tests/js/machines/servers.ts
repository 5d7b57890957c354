/** One Postgres and one S3 for all tests of this part: each has a database, or a bucket, of its own. */

import { after } from "node:test";
import pg from "pg";
import { Postgres } from "./postgres.ts";
import { S3Server } from "./s3.ts";

let started: Promise<Postgres> | undefined;
let startedS3: Promise<S3Server> | undefined;
const pools: pg.Pool[] = [];

export function postgres(): Promise<Postgres> {
  started ??= Postgres.start();
  return started;
}

export function s3(): Promise<S3Server> {
  startedS3 ??= S3Server.start();
  return startedS3;
}

/** Connections to a database, until all tests are over. */
export function poolOf(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString });
  pools.push(pool);
  return pool;
}

after(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await (await started)?.down("SIGKILL");
  await (await startedS3)?.down();
});
