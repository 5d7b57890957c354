/** The model servers: the one that `--url` names, or the tables `[[server]]` of the file. */

import { parseBaseUrl } from "../../../hosts/inference/base-url.ts";
import type { ModelServerSettings } from "../../../server/model-servers.ts";
import { type ConfigFile, isTable } from "./file.ts";
import type { Kind } from "./kinds.ts";
import { list, text } from "./kinds.ts";
import type { Environment, Level, Read } from "./read.ts";
import { serverTables } from "./read.ts";
import { settings } from "./table.ts";
import { unknown, WrongSetting, wrongValue } from "./wrong.ts";

/** @throws WrongSetting */
export function modelServers(read: Read, env: Environment): ModelServerSettings[] {
  const { values, said, file } = read;
  const tables = file?.table.server;
  if (tables !== undefined && file !== undefined && (said.url.level === "file" || values.url === undefined)) {
    if (said.url.level === "file") {
      throw new WrongSetting(`${said.url.by} and [[server]] both name model servers: remove one of them`);
    }
    if (said.keyEnv.level !== "default") {
      throw new WrongSetting(`${said.keyEnv.by} is for --url; each [[server]] has key_env of its own`);
    }
    return serversOf(file, read, env);
  }
  if (values.url === undefined) {
    if (said.keyEnv.level === "default") return [];
    // Looked up all the same: a name that leads nowhere is a mistake.
    secretOf(values.keyEnv as string, said.keyEnv.by, env);
    return [];
  }
  checkAddress(values.url, said.url.by);
  const key = keyOf(read, env);
  const { concurrency, timeout, stream } = values;
  return [
    {
      ...{ name: "default", url: values.url, concurrency, timeoutMs: timeout * 1_000 },
      ...(key !== undefined && { key }),
      ...(stream && { stream }),
    },
  ];
}

/** The key of the one server: said itself, or by the variable that holds it. Whoever says either first wins. */
function keyOf({ values, said }: Read, env: Environment): string | undefined {
  for (const level of ["option", "variable", "file"] satisfies Level[]) {
    const [itself, byName] = [said.key.level === level, said.keyEnv.level === level];
    if (itself && byName) throw new WrongSetting(`${said.key.by} and ${said.keyEnv.by}: remove one of them`);
    if (itself) return checkKey(values.key as string, said.key.by);
    if (byName) return secretOf(values.keyEnv as string, said.keyEnv.by, env);
  }
  return undefined;
}

function secretOf(variable: string, by: string, env: Environment): string {
  const key = env[variable];
  if (key) return checkKey(key, variable);
  throw new WrongSetting(`${by} ${variable}: there is no such environment variable, or it is empty`);
}

function checkKey(key: string, by: string): string {
  if (/^[\t\x20-\x7e\x80-\xff]+$/.test(key)) return key;
  throw new WrongSetting(`${by} holds a character that no header may hold`);
}

function checkAddress(url: string, by: string): void {
  try {
    parseBaseUrl(url);
  } catch {
    throw wrongValue(by, settings.url.kind, url);
  }
}

/** What a table `[[server]]` may hold. */
const members = {
  name: text("name", "a name"),
  url: settings.url.kind,
  key: settings.key.kind,
  key_env: settings.keyEnv.kind,
  headers: headers(),
  models: list("names", "names of models, such as ['llama-3']"),
  concurrency: settings.concurrency.kind,
  timeout: settings.timeout.kind,
  stream: settings.stream.kind,
};

type Members = { [Name in keyof typeof members]?: NonNullable<ReturnType<(typeof members)[Name]["read"]>> };

function headers(): Kind<Record<string, string>> {
  return {
    placeholder: "headers",
    must: "a table of header names and texts, such as { api-key = '123' }",
    secret: true,
    parse: () => undefined,
    show: () => "set",
    read(value) {
      if (!isTable(value)) return undefined;
      try {
        const texts = Object.entries(value).filter(
          (pair): pair is [string, string] => typeof pair[1] === "string",
        );
        new Headers(texts);
        return texts.length === Object.keys(value).length ? Object.fromEntries(texts) : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

function serversOf(file: ConfigFile, { values }: Read, env: Environment): ModelServerSettings[] {
  const all = file.table.server;
  const tables = serverTables(file);
  if (!Array.isArray(all) || all.length === 0 || tables.length !== all.length) {
    throw new WrongSetting(`${file.at("server")} must be tables: [[server]]`);
  }
  const names = new Set<string>();
  return tables.map((table, index) => {
    const at = (key: string) => file.at(`server.${key}`, index);
    const found: Members = {};
    for (const [key, value] of Object.entries(table))
      Object.assign(found, { [key]: member(key, value, at(key)) });
    const { url, key_env, models, concurrency = values.concurrency, timeout = values.timeout } = found;
    const { stream = values.stream } = found;
    if (url === undefined) throw new WrongSetting(`${file.at("server", index)} has no url`);
    checkAddress(url, at("url"));
    const { name = new URL(url).host } = found;
    if (names.has(name)) throw new WrongSetting(`${at("name")}: two servers are called '${name}'`);
    names.add(name);
    if (found.key !== undefined && key_env !== undefined) {
      throw new WrongSetting(`${at("key")} and key_env: remove one of them`);
    }
    const key = key_env === undefined ? found.key : secretOf(key_env, at("key_env"), env);
    return {
      ...{ name, url, concurrency, timeoutMs: timeout * 1_000 },
      ...(stream && { stream }),
      ...(key !== undefined && { key: checkKey(key, at("key")) }),
      ...(found.headers !== undefined && { headers: found.headers }),
      ...(models !== undefined && { models }),
    };
  });
}

function member(key: string, value: unknown, where: string): unknown {
  const kind: Kind<unknown> | undefined = Object.hasOwn(members, key)
    ? members[key as keyof typeof members]
    : undefined;
  if (kind === undefined) {
    const known = Object.keys(members).map((name) => `server.${name}`);
    throw unknown(where, `server.${key}`, known, "server.");
  }
  const good = kind.read(value);
  if (good === undefined) throw wrongValue(where, kind, value);
  return good;
}
