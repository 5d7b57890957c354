/**
 * Spans for OpenTelemetry, where its standard variables ask for them and its packages are installed: nothing of it is loaded
 * otherwise. A batch is one span, whose ids follow from the batch's; each call to a model server is a span within it.
 */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { log, logError, logWarning } from "../../server/log.ts";
import { type CallSpan, idsOnly, type Tracer } from "../../server/observe/calls.ts";
import { newSpanId, type TraceContext, traceOfBatch } from "../../server/observe/trace.ts";

const API = "@opentelemetry/api";
const SDK = "@opentelemetry/sdk-node";

/** Callers' contexts that wait for their batch's span to begin. */
const MOST_CALLERS = 1_000;

// As much of the two packages as is used here. They are no dependencies, so their types are not there.
interface SpanContext {
  traceId: string;
  spanId: string;
  traceFlags: number;
  isRemote?: boolean;
}
type Attributes = Record<string, string | number>;
interface Span {
  spanContext(): SpanContext;
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  addLink?(link: { context: SpanContext }): unknown;
  end(): void;
}
interface Api {
  trace: {
    getTracer(name: string): {
      startSpan(
        name: string,
        options: { kind?: number; root?: boolean; startTime?: number; attributes?: Attributes },
        context?: unknown,
      ): Span;
    };
    setSpan(context: unknown, span: Span): unknown;
    wrapSpanContext(context: SpanContext): Span;
  };
  ROOT_CONTEXT: unknown;
  SpanKind: { CLIENT: number };
  SpanStatusCode: { ERROR: number };
}
interface IdGenerator {
  generateTraceId(): string;
  generateSpanId(): string;
}
interface Sdk {
  NodeSDK: new (options: {
    idGenerator: IdGenerator;
    serviceName?: string;
    instrumentations: never[];
  }) => { start(): void; shutdown(): Promise<void> };
}

/** What the standard variables ask for. */
export async function openTracer(env: Record<string, string | undefined>): Promise<Tracer> {
  if (!isAskedFor(env)) return idsOnly;
  // Unless the operator says otherwise, not the command line: an address in it may hold a key.
  env.OTEL_NODE_RESOURCE_DETECTORS ??= "env,host,os";
  let [api, sdk]: [Api | undefined, Sdk | undefined] = [undefined, undefined];
  try {
    api = await load<Api>(API);
    sdk = await load<Sdk>(SDK);
  } catch (error) {
    logWarning("otel.missing", {
      message:
        `OpenTelemetry is asked for by OTEL_ variables, but ${api ? SDK : API} cannot be loaded. Install ${API} and ${SDK} ` +
        "beside edgebatch or where it is started. No spans are exported.",
      reason: (error as NodeJS.ErrnoException).code ?? (error as Error).name,
    });
    return idsOnly;
  }
  try {
    return startTracer(api, sdk, env);
  } catch (error) {
    logError("otel.failed", error);
    return idsOnly;
  }
}

function isAskedFor(env: Record<string, string | undefined>): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === "true") return false;
  if (env.OTEL_TRACES_EXPORTER) return env.OTEL_TRACES_EXPORTER !== "none";
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}

/** From beside this package, or else from the folder where the server was started. */
async function load<T>(name: string): Promise<T> {
  const module = await import(name).catch((error) => {
    const from = folderWith(name);
    if (from === null) throw error;
    return import(pathToFileURL(createRequire(join(from, "package.json")).resolve(name)).href);
  });
  return (module.default ?? module) as T;
}

/** Where a package is installed, from this folder up. Looked for by hand, as Bun would else try to download it. */
function folderWith(name: string): string | null {
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "node_modules", name))) return folder;
    if (dirname(folder) === folder) return null;
  }
}

function startTracer(api: Api, { NodeSDK }: Sdk, env: Record<string, string | undefined>): Tracer {
  // The ids that the next span is to have: a span is begun without anything coming between.
  let next: TraceContext | null = null;
  const sdk = new NodeSDK({
    idGenerator: {
      generateTraceId: () => next?.traceId ?? newSpanId() + newSpanId(),
      generateSpanId: () => next?.spanId ?? newSpanId(),
    },
    ...(!env.OTEL_SERVICE_NAME && { serviceName: "edgebatch" }),
    instrumentations: [],
  });
  sdk.start();
  log("otel.started");
  const tracer = api.trace.getTracer("edgebatch");
  const batches = new Map<string, Span>();
  const callers = new Map<string, TraceContext>();

  const link = (span: Span, caller: TraceContext) => span.addLink?.({ context: remote(caller) });
  const within = (parent: Span) => api.trace.setSpan(api.ROOT_CONTEXT, parent);

  return {
    batchCreated(batchId, caller) {
      const span = batches.get(batchId);
      if (span) link(span, caller);
      else if (callers.size < MOST_CALLERS) callers.set(batchId, caller);
    },
    batchRuns(batchId, createdAt) {
      const ids = traceOfBatch(batchId);
      if (ids === null || batches.has(batchId)) return;
      next = ids;
      try {
        const attributes = { "edgebatch.batch.id": batchId };
        const options = { root: true, startTime: createdAt * 1_000, attributes };
        const span = tracer.startSpan("batch", options, api.ROOT_CONTEXT);
        batches.set(batchId, span);
        const caller = callers.get(batchId);
        if (caller) link(span, caller);
        callers.delete(batchId);
      } finally {
        next = null;
      }
    },
    batchEnded(batchId, status) {
      const span = batches.get(batchId);
      batches.delete(batchId);
      if (status !== null) span?.setAttributes({ "edgebatch.batch.status": status });
      if (status === "failed") span?.setStatus({ code: api.SpanStatusCode.ERROR });
      span?.end();
    },
    call(batch, { batchId, server, path }) {
      const parent = batches.get(batchId) ?? api.trace.wrapSpanContext(remote(batch));
      const attributes = { "edgebatch.batch.id": batchId, "edgebatch.server": server, ...httpOf(path) };
      const options = { kind: api.SpanKind.CLIENT, attributes };
      return callSpan(api, tracer.startSpan(`POST ${path}`, options, within(parent)));
    },
    passed(caller, { server, path }) {
      const attributes = { "edgebatch.server": server, ...httpOf(path) };
      const options = { kind: api.SpanKind.CLIENT, attributes };
      const context = caller ? within(api.trace.wrapSpanContext(remote(caller))) : api.ROOT_CONTEXT;
      return callSpan(api, tracer.startSpan(`POST ${path}`, options, context));
    },
    async stop() {
      // A batch that has not ended is the next process's to tell of: its span has the same ids there.
      await sdk.shutdown().catch((error) => logError("otel.failed", error));
    },
  };
}

function remote({ traceId, spanId, sampled }: TraceContext): SpanContext {
  return { traceId, spanId, traceFlags: sampled ? 1 : 0, isRemote: true };
}

function httpOf(path: string): Attributes {
  return { "http.request.method": "POST", "url.path": path };
}

function callSpan(api: Api, span: Span): CallSpan {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    context: { traceId, spanId, sampled: (traceFlags & 1) === 1 },
    end(how) {
      const isStatus = typeof how === "number";
      if (isStatus) span.setAttributes({ "http.response.status_code": how });
      if (!isStatus || how >= 400) {
        span.setAttributes({ "error.type": String(how) });
        span.setStatus({ code: api.SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}
