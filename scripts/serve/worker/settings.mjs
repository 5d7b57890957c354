// What `npm start` takes from the environment.
import { isIP } from "node:net";
import { Failure } from "../../lib/process.mjs";

/** Settings that go through to the Worker; docs/worker.md says what they do. */
const forWorker = [
  "UPSTREAM_URL",
  "UPSTREAM_KEY",
  "UPSTREAM_STREAM",
  "ECHO_LATENCY_MS",
  "API_KEYS",
  "ALLOW_ANONYMOUS",
  "ADMIN_KEYS",
  "DIALECT",
  "ENDPOINTS",
  "MODELS",
  "MAX_CONCURRENT_BATCHES",
  "MAX_CONCURRENT_REQUESTS",
  "MAX_BYTES_IN_FLIGHT",
  "TURN_SUBREQUESTS",
  "REQUEST_TIMEOUT_MS",
  "MAX_ATTEMPTS",
  "ORDER",
  "PRICES",
  "MAX_FILE_BYTES",
  "MAX_REQUESTS",
  "MAX_PARTS",
  "MAX_LINE_BYTES",
  "MAX_RESPONSE_BYTES",
  "MAX_FILES",
  "MAX_STORED_BYTES",
  "MAX_QUEUED_BATCHES",
  "MAX_QUEUED_REQUESTS",
  "MAX_REQUESTS_PER_MINUTE",
  "WEBHOOK_ALLOW_PRIVATE",
  // Of scripts/serve/worker/limits.mjs, which stands around it then.
  "PLATFORM_LIMITS",
  "PLATFORM_CPU_MS",
  "PLATFORM_MEMORY_BYTES",
  "PLATFORM_EVICTIONS",
];

const isLoopback = (name) => name === "localhost" || name === "::1" || /^127(\.\d{1,3}){3}$/.test(name);
const isEveryAddress = (name) => name === "0.0.0.0" || name === "::";

/** @throws Failure when a setting cannot be right */
export function settingsOf(env) {
  const vars = {};
  for (const name of forWorker) if (env[name]) vars[name] = env[name];
  if (vars.PLATFORM_LIMITS && !/^[1-9]\d{0,8}$/.test(vars.PLATFORM_LIMITS))
    throw new Failure(
      `start: PLATFORM_LIMITS must be 1, or the most subrequests of an invocation, but is '${vars.PLATFORM_LIMITS}'`,
    );
  for (const name of ["PLATFORM_CPU_MS", "PLATFORM_MEMORY_BYTES"]) {
    if (vars[name] && !/^[1-9]\d{0,9}$/.test(vars[name]))
      throw new Failure(`start: ${name} must be a whole number from 1 on, but is '${vars[name]}'`);
  }
  if (vars.PLATFORM_EVICTIONS && !(vars.PLATFORM_LIMITS && /^[1-9]\d{0,8}$/.test(vars.PLATFORM_EVICTIONS)))
    throw new Failure(
      `start: PLATFORM_EVICTIONS must be seconds, beside PLATFORM_LIMITS, but is '${vars.PLATFORM_EVICTIONS}'`,
    );
  const host = (env.HOST || "localhost").toLowerCase().replace(/^\[(.*)\]$/, "$1");
  const port = Number(env.PORT || "8787");
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Failure(`start: PORT must be a whole number up to 65535, but is '${env.PORT}'`);
  // On this machine alone no key is needed, unless keys are set, or it is said that one is.
  if (!vars.API_KEYS && !vars.ALLOW_ANONYMOUS) {
    if (!isLoopback(host)) {
      throw new Failure(
        `start: others can reach HOST=${host}, and without keys each of them could use this server and its model. ` +
          "Set API_KEYS (node scripts/serve/make-key.mjs NAME makes one), or ALLOW_ANONYMOUS=1 to serve everyone.",
      );
    }
    vars.ALLOW_ANONYMOUS = "1";
  }
  const more = (env.ALLOWED_HOSTS ?? "").toLowerCase().split(/[\s,]+/);
  const anonymous = ["1", "true"].includes(vars.ALLOW_ANONYMOUS);
  return {
    ...{ vars, host, port, hasKeys: vars.API_KEYS !== undefined },
    isOurName: anonymous ? (name) => isOurName(name, host) || more.includes(name) : () => true,
  };
}

/**
 * Whether a Host header may mean this server. A web page can have its own name lead here, and is then of the same origin
 * as we are; it cannot do so with an address.
 */
function isOurName(name, host) {
  if (name === host || isLoopback(name)) return true;
  return isEveryAddress(host) && isIP(name) !== 0;
}
