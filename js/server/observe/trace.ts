/** W3C trace context: which trace a call belongs to, in the header `traceparent`. */

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Where in a trace something happens. */
export interface TraceContext {
  traceId: string;
  spanId: string;
  sampled: boolean;
}

/** What a caller's header says; null where there is none, or none that is right. */
export function parseTraceparent(header: string | null | undefined): TraceContext | null {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(header ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  // The first version ends with the flags.
  if (header?.startsWith("00") && header.length !== 55) return null;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function traceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/**
 * The trace of a batch, and its root span: the same in every process that ever runs it. The trace's id is the batch's without
 * its prefix, so that who has the one finds the other. Null for what has no id of a batch's form.
 */
export function traceOfBatch(batchId: string): TraceContext | null {
  const [, traceId] = /^batch_(?!0{32})([0-9a-f]{32})$/.exec(batchId) ?? [];
  if (traceId === undefined) return null;
  const spanId = traceId.slice(16);
  // Marked as sampled: servers that follow their caller's choice trace what they would trace without us.
  return { traceId, spanId: /^0+$/.test(spanId) ? "0000000000000001" : spanId, sampled: true };
}

/** A fresh id for a span: nothing that must not be guessed, and each call has one, for which the kernel's chance takes too long. */
export function newSpanId(): string {
  return half(1) + half(0);
}

function half(least: number): string {
  return (((Math.random() * 2 ** 32) | least) >>> 0).toString(16).padStart(8, "0");
}
