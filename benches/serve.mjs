// `edgebatch serve` from outside, beside a plain loop of `fetch`: throughput, memory, how long a GET takes meanwhile, and the
// start. The model server, the clients and what is measured are processes of their own, which share the machine.
// `node benches/serve.mjs JSON`: `{ "start": rounds }`, or `{ "latency", "inFlight", "requests", "rounds", "clients",
// "every" }`. Prints one JSON object. Further: "alone" leaves the loop out, "small" makes lines of 400 bytes, "args" are more
// options of the server, "profile" is a folder where it writes a CPU profile, "show" prints each round as it ends.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, openAsBlob, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const endpoint = "/v1/chat/completions";
const folder = mkdtempSync(join(tmpdir(), "edgebatch-bench-serve-"));
const children = new Set();

function start(args, options = {}) {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], ...options });
  children.add(child);
  child.ended = once(child, "exit").then(() => children.delete(child));
  child.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.line = async () => {
    const { value, done } = await child.lines.next();
    if (done) throw new Error(`ended early: ${args.join(" ")}`);
    return value;
  };
  child.stop = async (signal = "SIGTERM") => {
    child.kill(signal);
    await child.ended;
  };
  return child;
}

/** Megabytes that a process has in memory, as the system counts them. */
function resident(pid) {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1000;
  } catch {
    return 0;
  }
}

/** Seconds of processor time that a process has had. */
function processor(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The most memory until `end` is called, looked at every 50 ms. */
function watchMemory(pid) {
  const seen = [];
  const timer = setInterval(() => seen.push(resident(pid)), 50);
  return {
    end() {
      clearInterval(timer);
      return Math.max(...seen);
    },
  };
}

async function writeInput(path, requests, small) {
  const file = createWriteStream(path);
  const content = "Say what the file holds, line by line. ".repeat(small ? 4 : 48);
  for (let n = 0; n < requests; n++) {
    const body = { model: "m", messages: [{ role: "user", content }] };
    const line = JSON.stringify({ custom_id: `request-${n}`, method: "POST", url: endpoint, body });
    if (!file.write(`${line}\n`)) await once(file, "drain");
  }
  file.end();
  await finished(file);
}

const flags = (process.env.SERVE_FLAGS ?? "").split(" ").filter((flag) => flag !== "");

function startServer(data, args, profile) {
  const nodeFlags = profile ? ["--cpu-prof", `--cpu-prof-dir=${profile}`, ...flags] : flags;
  const serve = [
    process.env.SERVE_MAIN ?? here("../dist/cli/main.js"),
    "serve",
    "--port",
    "0",
    "--data",
    data,
    ...args,
  ];
  return start([...nodeFlags, ...serve], { stdio: ["ignore", "pipe", "ignore"] });
}

async function listening(server) {
  return /http:\S+(?=\/v1)/.exec(await server.line())[0];
}

async function called(url, init) {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response;
}

async function edgebatch(setting, input, model) {
  const { inFlight, requests, clients, every, profile, args = [] } = setting;
  const data = join(folder, "state");
  const server = startServer(data, ["--url", `${model}/v1`, "--concurrency", inFlight, ...args], profile);
  const url = await listening(server);
  const idle = resident(server.pid);
  const form = new FormData();
  form.set("purpose", "batch");
  form.set("file", await openAsBlob(input), "input.jsonl");
  const file = await (await called(`${url}/v1/files`, { method: "POST", body: form })).json();
  const memory = watchMemory(server.pid);
  const cpu = processor(server.pid);
  const began = performance.now();
  const created = await called(`${url}/v1/batches`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ input_file_id: file.id, endpoint, completion_window: "24h" }),
  });
  const { id } = await created.json();
  const looking = start([here("serve/clients.mjs"), `${url}/v1/batches/${id}`, clients, every]);
  const phases = {};
  let batch;
  do {
    await new Promise((next) => setTimeout(next, 20));
    batch = await (await called(`${url}/v1/batches/${id}`)).json();
    phases[batch.status] ??= Math.round(performance.now() - began);
  } while (batch.status !== "completed" && batch.status !== "failed");
  const seconds = (performance.now() - began) / 1000;
  const cpuMicroseconds = ((processor(server.pid) - cpu) / requests) * 1e6;
  const most = memory.end();
  looking.kill("SIGTERM");
  const looks = JSON.parse(await looking.line());
  let lines = 0;
  const results = await called(`${url}/v1/files/${batch.output_file_id}/content`);
  for await (const part of results.body) for (const byte of part) if (byte === 10) lines += 1;
  if (batch.request_counts.completed !== requests || lines !== requests || looks.failed > 0)
    throw new Error(JSON.stringify({ batch, lines, looks, memory: most }));
  await server.stop();
  rmSync(data, { recursive: true });
  return { perSecond: requests / seconds, memory: most, idle, cpuMicroseconds, phases, looks };
}

async function loop(setting, input, model) {
  const output = join(folder, "output.jsonl");
  const child = start([here("serve/loop.mjs"), input, output, model, setting.inFlight]);
  const memory = watchMemory(child.pid);
  const seconds = Number(await child.line());
  const most = memory.end();
  await child.ended;
  rmSync(output);
  return { perSecond: setting.requests / seconds, memory: most };
}

/** Ours and the plain loop in turns, against the same model server. */
async function throughput(setting) {
  const input = join(folder, "input.jsonl");
  await writeInput(input, setting.requests, setting.small);
  const model = start([here("serve/model.mjs"), setting.latency]);
  const url = `http://127.0.0.1:${await model.line()}`;
  const latency = async () => {
    model.kill("SIGUSR2");
    return JSON.parse(await model.line()).latency;
  };
  const rounds = [];
  for (let round = 0; round < setting.rounds; round++) {
    const ours = { ...(await edgebatch(setting, input, url)), latency: await latency() };
    const plain = setting.alone ? null : { ...(await loop(setting, input, url)), latency: await latency() };
    rounds.push({ ours, plain });
    if (setting.show) process.stderr.write(`${JSON.stringify(rounds.at(-1))}\n`);
  }
  await model.stop();
  return { ...setting, rounds };
}

/** Milliseconds from the start of a process to the first answer of its API, with a new folder and with one that is there. */
async function starts(rounds) {
  const times = { fresh: [], again: [] };
  for (let round = 0; round < rounds; round++) {
    const data = join(folder, `start-${round}`);
    for (const kind of ["fresh", "again"]) {
      const began = performance.now();
      const server = startServer(data, []);
      const url = await listening(server);
      await called(`${url}/v1/batches`);
      times[kind].push(performance.now() - began);
      await server.stop();
    }
  }
  return times;
}

try {
  const setting = JSON.parse(process.argv[2]);
  const result = setting.start ? await starts(setting.start) : await throughput(setting);
  process.stdout.write(JSON.stringify(result));
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
