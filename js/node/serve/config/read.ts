/** Settings from options, the environment and a file: the first that says one wins, in this order. */

import { type ConfigFile, isTable, readConfigFile } from "./file.ts";
import {
  type AnySetting,
  keyOf,
  optionOf,
  rows,
  type SettingName,
  type Values,
  variableOf,
} from "./table.ts";
import { unknown, WrongSetting, wrongValue } from "./wrong.ts";

/** Options as they were given: a text, or true for one without a value. */
export type Given = { readonly [Name in SettingName]?: string | true | undefined };
export type Environment = { readonly [name: string]: string | undefined };

/** Who says a setting: an option, a variable, a place of the file, or nobody. */
export type Level = "option" | "variable" | "file" | "default";

export interface Said {
  readonly level: Level;
  /** For people: `--port`, `EDGEBATCH_PORT`, `edgebatch.toml:3: port`, `default`. */
  readonly by: string;
}

export interface Read {
  readonly values: Values;
  readonly said: Readonly<Record<SettingName, Said>>;
  readonly file: ConfigFile | undefined;
}

/** @throws WrongSetting that names the first setting that cannot be right */
export async function readSettings(given: Given, env: Environment): Promise<Read> {
  const above = { ...fromVariables(env), ...fromOptions(given) };
  const { config } = above;
  const file = config && (await readConfigFile(config.value as string, config.by));
  const found: Partial<Record<SettingName, Found>> = { ...(file && fromFile(file)), ...above };
  const values: Partial<Record<SettingName, unknown>> = {};
  const said: Partial<Record<SettingName, Said>> = {};
  for (const [name, setting] of rows) {
    values[name] = found[name] ? found[name].value : setting.default;
    said[name] = found[name] ?? { level: "default", by: "default" };
  }
  refuseUnknownVariables(env, values as Values, file);
  return { values: values as Values, said: said as Read["said"], file };
}

interface Found extends Said {
  readonly value: unknown;
}

type FoundOnes = Partial<Record<SettingName, Found>>;

function fromOptions(given: Given): FoundOnes {
  const found: FoundOnes = {};
  for (const [name, setting] of rows) {
    const option = optionOf(name, setting);
    const text = given[name];
    if (option === null || text === undefined) continue;
    const value = setting.kind.parse(text === true ? "yes" : text);
    if (value === undefined) throw wrongValue(option, setting.kind, text);
    found[name] = { level: "option", by: option, value };
  }
  return found;
}

function fromVariables(env: Environment): FoundOnes {
  const found: FoundOnes = {};
  for (const [name, { kind }] of rows) {
    const variable = variableOf(name);
    const text = env[variable];
    // What is empty counts as unset.
    if (!text || isOfKubernetes(variable, text)) continue;
    const value = kind.parse(text);
    if (value === undefined) throw wrongValue(variable, kind, text);
    found[name] = { level: "variable", by: variable, value };
  }
  return found;
}

/** Kubernetes describes a service by variables, which for one called `edgebatch` begin as ours do: `EDGEBATCH_PORT=tcp://…`. */
function isOfKubernetes(variable: string, text: string): boolean {
  return (
    /_SERVICE_(HOST|PORT(_\w+)?)$/.test(variable) ||
    /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(variable) ||
    (/_PORT$/.test(variable) && /^(tcp|udp|sctp):\/\//.test(text))
  );
}

const PREFIX = "EDGEBATCH_";

function refuseUnknownVariables(env: Environment, values: Values, file: ConfigFile | undefined): void {
  const known = rows.map(([name]) => variableOf(name));
  const named = [values.keyEnv, ...serverTables(file).map(({ key_env }) => key_env)];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || known.includes(variable) || named.includes(variable)) continue;
    if (text && !isOfKubernetes(variable, text)) throw unknown(variable, variable, known, PREFIX);
  }
}

/** The tables `[[server]]`, as far as they are tables. */
export function serverTables(file: ConfigFile | undefined): Record<string, unknown>[] {
  const { server } = file?.table ?? {};
  return Array.isArray(server) ? server.filter(isTable) : [];
}

const keys = new Map<string, [SettingName, AnySetting]>();
for (const [name, setting] of rows) {
  const key = keyOf(name, setting);
  if (key !== null) keys.set(key, [name, setting]);
}
const tables = new Set([...keys.keys()].filter((key) => key.includes(".")).map((key) => key.split(".")[0]));

function fromFile(file: ConfigFile): FoundOnes {
  const found: FoundOnes = {};
  const read = (key: string, value: unknown) => {
    const known = keys.get(key);
    if (known === undefined) throw unknown(file.at(key), key, [...keys.keys(), "server"]);
    const [name, { kind }] = known;
    const good = kind.read(value);
    if (good === undefined) throw wrongValue(file.at(key), kind, value);
    found[name] = { level: "file", by: file.at(key), value: good };
  };
  for (const [key, value] of Object.entries(file.table)) {
    if (key === "server") continue;
    if (!tables.has(key)) read(key, value);
    else if (isTable(value)) for (const [name, inner] of Object.entries(value)) read(`${key}.${name}`, inner);
    else throw new WrongSetting(`${file.at(key)} must be a table: [${key}]`);
  }
  return found;
}
