/** Libraries that are installed by whoever shares state between machines, and by nobody else. */

import type pg from "pg";

export async function postgresLibrary(): Promise<typeof pg> {
  // A module of CommonJS, which some runtimes give as the default alone.
  return (await load("pg", "--store postgres://…", () => import("pg"))).default;
}

export function signingLibrary(): Promise<typeof import("aws4fetch")> {
  return load("aws4fetch", "--files s3://…", () => import("aws4fetch"));
}

async function load<T>(name: string, what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new Error(`${what} needs the package ${name}, which is not there: npm install ${name}`, {
      cause: error,
    });
  }
}
