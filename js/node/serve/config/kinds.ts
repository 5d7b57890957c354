/** Kinds of settings: what a value may be, said as text by an option or a variable, or as TOML has it in a file. */

import { count } from "../../../core/numbers.ts";
import { readPrice } from "../../../core/prices.ts";
import { wrongFiles } from "../shared/address.ts";

export interface Kind<T> {
  /** What help calls a value. */
  readonly placeholder: string;
  /** What a value has to be: it follows "must be". */
  readonly must: string;
  /** Whether a value may hold what nobody is to see. */
  readonly secret?: true;
  /** Whether an option of this kind may stand without a value. */
  readonly bare?: true;
  /** Gives undefined for what is no value of this kind. */
  parse(text: string): T | undefined;
  /** The same of what a TOML file holds. */
  read(value: unknown): T | undefined;
  /** A value for people. */
  show(value: T): string;
}

/** A whole number of a range. */
export function whole(placeholder: string, from: number, to: number): Kind<number> {
  const inRange = (value: number) =>
    Number.isSafeInteger(value) && value >= from && value <= to ? value : undefined;
  return {
    placeholder,
    must: `a whole number from ${count(from)} to ${count(to)}`,
    parse: (text) => (/^\d{1,16}$/.test(text) ? inRange(Number(text)) : undefined),
    read: (value) => (typeof value === "number" ? inRange(value) : undefined),
    show: count,
  };
}

/** A text that is not empty. */
export function text(placeholder: string, must: string, secret?: true): Kind<string> {
  const parse = (value: string) => (value.trim() === "" ? undefined : value);
  return {
    ...{ placeholder, must },
    ...(secret && { secret }),
    parse,
    read: (value) => (typeof value === "string" ? parse(value) : undefined),
    show: (value) => (secret ? "set" : value),
  };
}

/** One of a few words. */
export function choice<T extends string>(placeholder: string, words: readonly T[]): Kind<T> {
  const find = (value: unknown) => words.find((word) => word === value);
  const must = `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  return { placeholder, must, parse: find, read: find, show: (value) => value };
}

/** Texts, separated by commas. */
export function list(
  placeholder: string,
  must: string,
  isGood: (item: string) => boolean = (item) => item !== "",
): Kind<string[]> {
  const checked = (items: string[]) => (items.length > 0 && items.every(isGood) ? items : undefined);
  const parse = (value: string) => checked(value.split(",").map((item) => item.trim()));
  return {
    ...{ placeholder, must, parse },
    read: (value) => {
      // One alone need not be in an array.
      if (typeof value === "string") return parse(value);
      const items: unknown[] = Array.isArray(value) ? value : [];
      return checked(items.map((item) => (typeof item === "string" ? item.trim() : "")));
    },
    show: (items) => items.join(", "),
  };
}

const words: Record<string, boolean> = {
  yes: true,
  true: true,
  "1": true,
  no: false,
  false: false,
  "0": false,
};

/** A decision. */
export const yesNo: Kind<boolean> = {
  placeholder: "yes|no",
  must: "yes or no",
  bare: true,
  parse: (value) => words[value.toLowerCase()],
  read: (value) => (typeof value === "boolean" ? value : undefined),
  show: (value) => (value ? "yes" : "no"),
};

const MOST_HOURS = 720;

/** Times that a batch may ask to be done within. */
export const windows: Kind<string[]> = list("times", "times from 1h to 30d, such as 24h or 7d", (time) => {
  const [, amount, unit] = /^([1-9]\d{0,2})([hd])$/.exec(time) ?? [];
  const hours = Number(amount) * (unit === "d" ? 24 : 1);
  return hours <= MOST_HOURS;
});

/** Prices of models. */
export const prices: Kind<string[]> = list(
  "prices",
  "prices of a million tokens of input and output by model, such as gpt-4o=2.5/10, separated by commas; * is any other model",
  (price) => readPrice(price) !== null,
);

/** `name:sha256` pairs, or the name of a file of them; a file of settings may have them as an array. */
export const pairs: Kind<string> = {
  ...text("pairs", "name:sha256 pairs, separated by commas, or a file that holds them", true),
  read: (value) => {
    if (typeof value === "string" && value.trim() !== "") return value;
    const isArray =
      Array.isArray(value) && value.length > 0 && value.every((pair) => typeof pair === "string");
    return isArray ? value.join(",") : undefined;
  },
};

/** `name:sha256` pairs. */
export const entries: Kind<string[]> = {
  ...list(
    "pairs",
    "name:sha256 pairs, separated by commas, as 'edgebatch keys entry NAME' makes them",
    (pair) => /^[A-Za-z0-9_.-]{1,64}:[0-9a-f]{64}$/i.test(pair),
  ),
  secret: true,
};

/** A database. Its address may hold a password. */
export const postgres: Kind<string> = address(
  "postgres",
  "an address like postgres://user:password@host/database",
  (value) =>
    URL.canParse(value) && /^postgres(ql)?:$/.test(new URL(value).protocol) && new URL(value).host !== "",
);

/** A bucket. */
export const bucket: Kind<string> = address(
  "bucket",
  "an address like s3://bucket/prefix, which may say ?endpoint=, region= and style=path or host",
  (value) => wrongFiles(value) === null,
);

function address(placeholder: string, must: string, isGood: (value: string) => boolean): Kind<string> {
  const parse = (value: string) => (isGood(value) ? value : undefined);
  return {
    ...{ placeholder, must, parse },
    secret: true,
    read: (value) => (typeof value === "string" ? parse(value) : undefined),
    show: () => "set",
  };
}
