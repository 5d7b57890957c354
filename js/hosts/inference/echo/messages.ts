/** The lists of messages that chat and responses take. */

import { Refusal, tokens } from "./common.ts";

/** What is read of a conversation. */
export interface Conversation {
  /** The text of the last user message; of the last message where no user speaks. */
  text: string;
  tokens: number;
}

/** Words of a list of messages that differ between the endpoints. */
export interface Dialect {
  param: string;
  roles: readonly string[];
  /** Types of the content parts that hold text; parts of other types are taken, and have no text. */
  textParts: readonly string[];
  /** Whether items that are no messages may stand in the list, as tool calls and their results do. */
  otherItems: boolean;
}

/** Checks a list of messages and reads it. */
export function converse(messages: unknown[], dialect: Dialect): Conversation {
  const { param } = dialect;
  if (messages.length === 0) throw Refusal.emptyArray(param);
  let user: string | undefined;
  let last = "";
  let count = 0;
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i];
    if (typeof message !== "object" || message === null || Array.isArray(message)) {
      throw Refusal.type(`${param}[${i}]`, "an object", message);
    }
    const { role, content, type } = message as Record<string, unknown>;
    if (dialect.otherItems && role === undefined && typeof type === "string" && type !== "message") continue;
    if (role === undefined) throw Refusal.missing(`${param}[${i}].role`);
    if (typeof role !== "string") throw Refusal.type(`${param}[${i}].role`, "a string", role);
    if (!dialect.roles.includes(role)) throw Refusal.value(`${param}[${i}].role`, role, dialect.roles);
    // An assistant that called tools, or refused, has said nothing.
    const silent = role === "assistant" && (content === undefined || content === null);
    last = silent ? "" : contentText(content, `${param}[${i}].content`, dialect);
    count += tokens(last);
    if (role === "user") user = last;
  }
  return { text: user ?? last, tokens: count };
}

function contentText(content: unknown, param: string, dialect: Dialect): string {
  if (typeof content === "string") return content;
  if (content === undefined) throw Refusal.missing(param);
  if (!Array.isArray(content)) throw Refusal.type(param, "one of a string or array of objects", content);
  if (content.length === 0) throw Refusal.emptyArray(param);
  let all = "";
  for (let i = 0; i < content.length; i++) {
    const part: unknown = content[i];
    if (typeof part !== "object" || part === null || Array.isArray(part)) {
      throw Refusal.type(`${param}[${i}]`, "an object", part);
    }
    const { type, text } = part as Record<string, unknown>;
    if (type === undefined) throw Refusal.missing(`${param}[${i}].type`);
    if (typeof type !== "string") throw Refusal.type(`${param}[${i}].type`, "a string", type);
    if (!dialect.textParts.includes(type)) continue;
    if (text === undefined) throw Refusal.missing(`${param}[${i}].text`);
    if (typeof text !== "string") throw Refusal.type(`${param}[${i}].text`, "a string", text);
    all += text;
  }
  return all;
}
