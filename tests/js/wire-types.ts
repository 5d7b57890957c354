/** What `wire.ts` declares its records as. */

/** Every member set, those that may be absent or null too. */
export type Full<T> = T extends readonly (infer Item)[]
  ? Full<Item>[]
  : T extends object
    ? { [Name in keyof T]-?: Full<NonNullable<T[Name]>> }
    : T;

/** Null wherever that may be, and without what may be absent. */
export type Bare<T> = {
  [Name in keyof T as undefined extends T[Name] ? never : Name]: null extends T[Name] ? null : T[Name];
};

/** The names of the members, no matter of which type they are. */
export type Named<T> = { [Name in keyof T]-?: true };
