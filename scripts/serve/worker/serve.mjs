// Serves what is built: the state is locked, workerd runs the Worker, the front stands before it, and all of it ends
// together, whatever of it ends first.
import { once } from "node:events";
import { resolve } from "node:path";
import { root } from "../../lib/env.mjs";
import { Failure, isMain, main, say } from "../../lib/process.mjs";
import { createFront } from "./front.mjs";
import { watchParents } from "./parents.mjs";
import { bundleWorker, startRuntime } from "./runtime.mjs";
import { settingsOf } from "./settings.mjs";
import { openState } from "./state.mjs";

/** workerd is taken for dead when it has not answered for so many tries, each of which takes so long. */
const TRIES = 3;
const TRY_MS = 10_000;
const CRON_MS = 60_000;

/**
 * Listens, and gives the port. `localhost` is two addresses, where the machine has both: on one of them alone, another
 * program could answer in our name on the other.
 */
async function listen(fronts, host, port) {
  const addresses = host === "localhost" ? ["127.0.0.1", "::1"] : [host];
  for (const [i, address] of addresses.entries()) {
    const { server } = fronts[i];
    try {
      server.listen(port, address);
      await once(server, "listening");
      port = server.address().port;
    } catch (error) {
      if (i > 0 && ["EADDRNOTAVAIL", "EAFNOSUPPORT"].includes(error.code)) continue;
      if (error.code === "EADDRINUSE")
        throw new Failure(`start: port ${port} of ${address} is in use; set PORT to another`);
      throw new Failure(`start: ${host}:${port} cannot be listened on: ${error.message}`);
    }
  }
  return port;
}

function examples(address, stateDir, hasKeys) {
  const [key, header] = hasKeys ? ["YOUR_KEY", ' -H "Authorization: Bearer $EDGEBATCH_KEY"'] : ["any", ""];
  return `
edgebatch serves ${address}/v1 (state in ${stateDir}; Ctrl+C stops it). To try it:

  page   ${address}/
  curl   curl ${address}/v1/files${header} -F purpose=batch -F file=@examples/chat-batch.jsonl
  Python client = openai.OpenAI(base_url="${address}/v1", api_key="${key}")
  Node   const client = new OpenAI({ baseURL: "${address}/v1", apiKey: "${key}" });
`;
}

/** Ends the process when workerd does not answer any more. */
async function watchHealth(runtime, ended) {
  for (let failed = 0; ; ) {
    await new Promise((next) => setTimeout(next, 1_000));
    failed = (await runtime.healthy(TRY_MS)) ? 0 : failed + 1;
    if (failed === TRIES)
      return ended(`workerd, the runtime, has not answered for ${(TRIES * TRY_MS) / 1000} s`);
  }
}

/** Serves until something ends it, and then ends the process, whatever else there still is to wait for. */
export async function serveAndExit() {
  try {
    process.exitCode = await serve();
  } finally {
    // After `main` has told what failed.
    setImmediate(() => process.exit());
  }
}

/** The exit status. */
async function serve() {
  // Whoever read what we print may be gone.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const { vars, host, port, hasKeys, isOurName } = settingsOf(process.env);
  const stateDir = resolve(root, process.env.STATE_DIR || ".edgebatch");
  const bundle = bundleWorker();
  // Whatever is written from here on, by us or by workerd, others may not read.
  process.umask(0o077);
  let end;
  const over = new Promise((done) => {
    end = done;
  });
  const ended = (text) => end({ status: 1, text });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => end({ status: 0 }));
  watchParents((name) => ended(`the process that started this server${name} is gone`));
  const name = host.includes(":") ? `[${host}]` : host;
  const state = await openState(stateDir, `http://${name}:${port}`);
  process.once("exit", () => state.close());
  const fronts = [createFront(isOurName), createFront(isOurName)];
  const address = `http://${name}:${await listen(fronts, host, port)}`;
  let runtime;
  const started = startRuntime({ bundle, vars, stateDir, run: state.run, ended }).then(async (running) => {
    runtime = running;
    while (!(await running.healthy(TRY_MS))) await new Promise((next) => setTimeout(next, 50));
    for (const front of fronts) front.serve(running.socketPath);
    say(examples(address, stateDir, hasKeys));
    setInterval(() => running.cron(), CRON_MS);
    watchHealth(running, ended);
  });
  const { status, text } = await Promise.race([over, started.then(() => over)]);
  if (text) process.stderr.write(`start: ${text}: the server ends\n`);
  await runtime?.stop();
  return status;
}

if (isMain(import.meta.url)) main(serveAndExit);
