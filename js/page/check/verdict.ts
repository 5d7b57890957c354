/** The verdict in one sentence. */
import type { Statistics } from "../../core/reports.ts";
import { count, plural } from "../format.ts";
import type { CheckSettings, Counts } from "../reader/protocol.ts";

const MIB = 1 << 20;

export interface Verdict {
  good: boolean;
  sentence: string;
}

export function verdict(
  counts: Counts | null,
  statistics: Statistics | null,
  settings: Pick<CheckSettings, "maxFileBytes" | "maxRequests">,
): Verdict {
  const has = (code: string) => statistics?.codes.some(({ name }) => name === code);
  if (!counts || counts.requestCount === 0) {
    if (has("invalid_encoding"))
      return { good: false, sentence: "This file would be refused: it is not text in UTF-8." };
    if (has("invalid_file_format"))
      return { good: false, sentence: "This file would be refused: it is compressed. Decompress it first." };
    if (counts && counts.bytes > settings.maxFileBytes)
      return { good: false, sentence: "This file would be refused: it is too large." };
    return { good: false, sentence: "This file holds no requests, so there is nothing to run." };
  }
  const { requestCount, validCount, errorCount } = counts;
  if (errorCount === 0) {
    const all = requestCount === 1 ? "its one request is" : `all ${count(requestCount)} requests are`;
    return { good: true, sentence: `This file is ready to upload: ${all} good.` };
  }
  const reasons: string[] = [];
  const bad = requestCount - validCount;
  if (has("request_too_large")) reasons.push(`it is larger than ${count(settings.maxFileBytes / MIB)} MiB`);
  if (has("too_many_tasks")) reasons.push(`it has more than ${plural(settings.maxRequests, "request")}`);
  if (bad > 0) {
    const of = bad === requestCount ? "none of its requests is good" : "";
    const some = `${count(bad)} of its ${count(requestCount)} requests ${bad === 1 ? "has" : "have"} errors`;
    reasons.push(of || some);
  }
  return { good: false, sentence: `This file would be refused: ${joined(reasons)}.` };
}

function joined(reasons: string[]): string {
  return reasons.length < 2 ? reasons.join("") : `${reasons.slice(0, -1).join(", ")} and ${reasons.at(-1)}`;
}
