/** `edgebatch doctor`: what works between here and a server, and what to do about what does not. */

import { count, duration, exit, oneLine, plural, print } from "../terminal.ts";
import { Api } from "./api.ts";
import { type Connection, connectionOf, type ServerOptions } from "./connection.ts";
import { ApiError, Unreachable } from "./faults.ts";

export interface DoctorOptions extends Omit<ServerOptions, "patience"> {
  model?: string;
  request: boolean;
}

/** One thing that was looked at: good, bad, or worth knowing. */
interface Finding {
  mark: "✓" | "✗" | "–";
  text: string;
}

const good = (text: string): Finding => ({ mark: "✓", text });
const bad = (text: string): Finding => ({ mark: "✗", text });
const note = (text: string): Finding => ({ mark: "–", text });

/** Time for one answer; for that of a model, which may have to be loaded first. */
const answerMs = 15_000;
const modelMs = 120_000;
/** A clock that is off by less harms nobody. */
const skewMs = 60_000;

/** Prints a line for each check. Gives the exit status: 1 where something has to be done. */
export async function doctor(options: DoctorOptions): Promise<number> {
  const connection = connectionOf({ ...options, patience: 0 });
  const patient = new Api(connection, 0, () => {});
  let worst: number = exit.good;
  const tell = async ({ mark, text }: Finding) => {
    if (mark === "✗") worst = exit.bad;
    await print(`${mark} ${oneLine(text)}\n`);
  };
  const from = connection.isDefault
    ? " (no server was named: --url, EDGEBATCH_URL or OPENAI_BASE_URL does)"
    : "";
  await print(`${connection.shown}${from}\n`);
  for (const finding of proxies(connection)) await tell(finding);
  const met = await meet(patient);
  for (const finding of met.findings) await tell(finding);
  if (!met.goOn) return worst;
  const batches = await batchesOf(patient);
  if (options.request)
    await tell(await request(patient, options.model ?? chatModel(met.models), batches.mark === "✓"));
  await tell(batches);
  return worst;
}

/** Whether there is a server, whether it speaks the API, takes the key, and knows the time. */
async function meet(api: Api): Promise<{ findings: Finding[]; models: string[]; goOn: boolean }> {
  const { connection } = api;
  const findings: Finding[] = [];
  const asked = Date.now();
  const began = performance.now();
  let response: Response;
  try {
    response = await api.open({ path: "/models", timeoutMs: answerMs });
  } catch (error) {
    if (error instanceof Unreachable)
      return { findings: [bad(away(error, connection))], models: [], goOn: false };
    if (!(error instanceof ApiError))
      return { findings: [bad((error as Error).message)], models: [], goOn: false };
    findings.push(good(`${connection.base.host} answers`));
    findings.push(...refusal(error, connection));
    return { findings, models: [], goOn: error.status === 404 && error.isApi };
  }
  const took = performance.now() - began;
  findings.push(good(`${connection.base.host} answers, in ${timeSince(began)}`));
  const date = response.headers.get("date");
  const models = await modelsOf(response);
  if (models === null) {
    findings.push(
      bad(
        `what answers at ${connection.shown}/models is no list of models: check --url, which usually ends in /v1`,
      ),
    );
    return { findings, models: [], goOn: false };
  }
  const names = models.slice(0, 5).join(", ");
  const more = models.length > 5 ? `, and ${count(models.length - 5)} more` : "";
  findings.push(
    models.length === 0
      ? bad("it speaks OpenAI's API, and has no models: load one, or name them (serve --models)")
      : good(`it speaks OpenAI's API, and has ${plural(models.length, "model")}: ${names}${more}`),
  );
  findings.push(keyOf(connection));
  findings.push(clockOf(date, asked + took / 2));
  return { findings, models, goOn: true };
}

function timeSince(began: number): string {
  const ms = performance.now() - began;
  return ms < 1_000 ? `${Math.round(ms)} ms` : duration(ms / 1_000);
}

function keyOf({ key, headers, base }: Connection): Finding {
  if (key === undefined && !headers.has("authorization") && !headers.has("api-key")) {
    return good("it asks for no key, and none is sent");
  }
  const isLocal = /^(localhost|127\..*|\[::1\])$/.test(base.hostname);
  if (base.protocol === "http:" && !isLocal) {
    return note("it accepts the key, which travels unencrypted: use https where others can listen");
  }
  return good("it accepts the key");
}

function refusal(error: ApiError, { key, shown }: Connection): Finding[] {
  const { status, message } = error;
  if (status === 401 || status === 403) {
    return key === undefined
      ? [bad("it wants a key: --key, EDGEBATCH_KEY or OPENAI_API_KEY")]
      : [bad(`it does not accept the key (${status}): ${message}`)];
  }
  if (status === 404 && !error.isApi) {
    const hint = /\/v\d/.test(shown) ? "check --url" : `is it ${shown.replace(/\/$/, "")}/v1?`;
    return [bad(`it has no /models at this address (404): ${hint}`)];
  }
  if (status === 404) return [note("it lists no models (404)")];
  return [bad(message)];
}

/** Names of models; null for what is no list of them. */
async function modelsOf(response: Response): Promise<string[] | null> {
  try {
    const { data } = JSON.parse((await response.text()).slice(0, 16 << 20)) as { data?: unknown };
    if (!Array.isArray(data)) return null;
    return data.flatMap((model: { id?: unknown } | null) =>
      typeof model?.id === "string" ? [model.id] : [],
    );
  } catch {
    return null;
  }
}

function clockOf(date: string | null, here: number): Finding {
  const there = Date.parse(date ?? "");
  if (Number.isNaN(there)) return note("it does not say what time it is");
  const skew = here - there;
  // The header is of whole seconds.
  if (Math.abs(skew) < skewMs) return good("both clocks agree");
  const way = skew > 0 ? "ahead of" : "behind";
  return bad(
    `this machine's clock is ${duration(Math.abs(skew) / 1_000)} ${way} the server's: set the one that is wrong (timedatectl set-ntp true)`,
  );
}

/** What can be asked for a chat: by the names that models have. */
function chatModel(models: string[]): string | undefined {
  const other =
    /embed|whisper|tts|dall-e|moderation|rerank|audio|realtime|image|sora|transcribe|davinci|babbage|bge-/i;
  return models.find((name) => !other.test(name)) ?? models[0];
}

async function request(api: Api, model: string | undefined, hasBatches: boolean): Promise<Finding> {
  if (model === undefined) return note("no request was made: --model names a model to ask");
  const began = performance.now();
  const ask = (more: object) =>
    api.json({
      method: "POST",
      path: "/chat/completions",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, messages: [{ role: "user", content: "Say ok." }], ...more }),
      timeoutMs: modelMs,
    });
  try {
    const answer = await ask({ max_completion_tokens: 16 }).catch((error: unknown) => {
      // Not every server knows that parameter.
      if (error instanceof ApiError && [400, 422].includes(error.status)) return ask({});
      throw error;
    });
    if (!Array.isArray((answer as { choices?: unknown } | null)?.choices)) {
      return bad(`${model} answers with what is no chat completion`);
    }
    return good(`${model} answers a request, in ${timeSince(began)}`);
  } catch (error) {
    if (error instanceof ApiError && [404, 405].includes(error.status) && hasBatches) {
      return note(`it takes no single requests for ${model} (${error.status})`);
    }
    return bad(`${model} does not answer a request: ${(error as Error).message}`);
  }
}

async function batchesOf(api: Api): Promise<Finding> {
  const { shown } = api.connection;
  try {
    const page = (await api.json({ path: "/batches", query: { limit: 1 }, timeoutMs: answerMs })) as {
      data?: unknown;
    };
    if (Array.isArray(page?.data)) return good("it has batches: edgebatch submit FILE");
    return bad("what it answers at /batches is no list of batches");
  } catch (error) {
    if (error instanceof ApiError && [404, 405, 501].includes(error.status)) {
      return note(
        `it has no batches, so it is a model server: put edgebatch serve --url ${shown} before it, or edgebatch run FILE --url ${shown}`,
      );
    }
    return bad(`its batches cannot be had: ${(error as Error).message}`);
  }
}

function away(error: Unreachable, { isDefault, base }: Connection): string {
  if (isDefault) return `${error.message}: edgebatch serve listens there once it is started`;
  const isLocal = /^(localhost|127\..*|\[::1\])$/.test(base.hostname);
  if (/^nothing listens/.test(error.message)) {
    return `${error.message}: ${isLocal ? "start the server, or check the port" : "check the port, and what the server listens on (0.0.0.0, not 127.0.0.1)"}`;
  }
  if (base.protocol === "http:" && / broke$/.test(error.message)) {
    return `${error.message}: is it https:// and not http://?`;
  }
  return error.message;
}

/** What the environment says about proxies. Addresses of proxies may hold passwords, and are not shown. */
function proxies({ base }: Connection): Finding[] {
  const names = base.protocol === "https:" ? ["HTTPS_PROXY", "https_proxy"] : ["HTTP_PROXY", "http_proxy"];
  const findings: Finding[] = [];
  const name = names.find((variable) => process.env[variable]);
  if (name !== undefined && !process.env.NODE_USE_ENV_PROXY) {
    findings.push(
      note(`${name} is set and not used: with NODE_USE_ENV_PROXY=1 it is, from Node 22.21 and 24 on`),
    );
  } else if (name !== undefined)
    findings.push(note(`calls go through the proxy of ${name}, unless NO_PROXY names the host`));
  if (process.env.NODE_TLS_REJECT_UNAUTHORIZED === "0") {
    findings.push(bad("NODE_TLS_REJECT_UNAUTHORIZED=0: nobody is checked to be who they say; unset it"));
  }
  return findings;
}
