/** `edgebatch serve` with what the Worker's tests set: they run over both. */

import { join } from "node:path";

export interface Command {
  args: string[];
  env: Record<string, string>;
}

const options: Record<string, string> = {
  UPSTREAM_URL: "--url",
  ECHO_LATENCY_MS: "--latency",
  MODELS: "--models",
  API_KEYS: "--api-keys",
  MAX_CONCURRENT_BATCHES: "--batches",
  MAX_CONCURRENT_REQUESTS: "--concurrency",
  MAX_ATTEMPTS: "--max-attempts",
  MAX_REQUESTS: "--max-requests",
  MAX_FILE_BYTES: "--max-file-bytes",
  MAX_LINE_BYTES: "--max-line-bytes",
  MAX_RESPONSE_BYTES: "--max-response-bytes",
  MAX_FILES: "--quota-files",
  MAX_STORED_BYTES: "--quota-stored-bytes",
  MAX_QUEUED_BATCHES: "--quota-queued-batches",
  MAX_QUEUED_REQUESTS: "--quota-queued-requests",
  MAX_REQUESTS_PER_MINUTE: "--requests-per-minute",
};

export function serveCommand(settings: Record<string, string>, port: number, stateDir: string): Command {
  const args = ["js/cli/main.ts", "serve", "--port", String(port), "--data", join(stateDir, "data")];
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(settings)) {
    const option = options[name];
    if (option !== undefined) args.push(option, value);
    else if (name === "ALLOW_ANONYMOUS") args.push("--allow-anonymous");
    else if (name === "UPSTREAM_KEY") env.EDGEBATCH_KEY = value;
    else throw new Error(`edgebatch serve has no setting ${name}`);
  }
  return { args, env };
}
