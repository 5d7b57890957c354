// Makes what the runtime is given out of the Worker's sources and wrangler.toml: `node scripts/serve/worker/bundle.mjs FOLDER`.
// A process of its own, as reading wrangler.toml takes all of wrangler.
import { readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildSync } from "esbuild";
import { unstable_readConfig as readConfig } from "wrangler";
import { root } from "../../lib/env.mjs";
import { Failure, main } from "../../lib/process.mjs";

/** What wrangler.toml says, as Miniflare takes it. */
function configuration(config) {
  const { name } = config;
  const env = {};
  for (const [key, value] of Object.entries(config.vars)) env[key] = { type: "text", value: String(value) };
  for (const { binding, bucket_name } of config.r2_buckets) env[binding] = { type: "r2", name: bucket_name };
  const objects = config.migrations.flatMap((migration) => migration.new_sqlite_classes ?? []);
  for (const { name: binding, class_name } of config.durable_objects.bindings) {
    if (!objects.includes(class_name)) throw new Failure(`wrangler.toml: no migration makes ${class_name}`);
    env[binding] = { type: "durable-object", worker: name, exportName: class_name };
  }
  return {
    ...{ name, compatibilityDate: config.compatibility_date, env },
    compatibilityFlags: config.compatibility_flags,
    assets: {
      directory: resolve(root, config.assets.directory),
      runWorkerFirst: config.assets.run_worker_first,
      hasUserWorker: true,
    },
    exports: Object.fromEntries(
      objects.map((object) => [object, { type: "durable-object", storage: "sqlite" }]),
    ),
  };
}

main(() => {
  const folder = process.argv[2];
  const config = readConfig({ config: join(root, "wrangler.toml") });
  buildSync({
    ...{ absWorkingDir: root, outdir: folder, bundle: true },
    entryPoints: { main: config.main, limited: "scripts/serve/worker/limits.mjs" },
    ...{ format: "esm", target: "es2024", platform: "neutral", logLevel: "warning" },
    ...{ mainFields: ["browser", "module", "main"], conditions: ["workerd", "worker", "browser"] },
    ...{ external: ["cloudflare:*", "node:*"], loader: { ".wasm": "copy" } },
  });
  const modules = readdirSync(folder).map((file) => [file, file.endsWith(".wasm") ? "wasm" : "esm"]);
  const text = JSON.stringify({ ...configuration(config), modules });
  writeFileSync(join(folder, "worker.json"), text);
});
