// What an isolate holds, as far as it can be counted from the inside: the wasm's memory, requests that wait for their answers,
// and answers that are being read. To be imported before the Worker, whose wasm is made at once.

/** What the platform gives to all objects of an isolate together, unless PLATFORM_MEMORY_BYTES is another number. */
const MOST = 128 * 1024 * 1024;
/** V8's own heap, which cannot be seen from here: as an inspector sees it in a busy isolate (docs/worker.md). */
const HEAP = 20_000_000;

const memories = [];
const { Instance } = WebAssembly;
WebAssembly.Instance = function made(...args) {
  const instance = new Instance(...args);
  memories.push(instance.exports.memory);
  return instance;
};
WebAssembly.Instance.prototype = Instance.prototype;

let inFlight = 0;

/** Counts bytes; what of them is too much throws, as they are not there in production. */
function take(bytes, limit) {
  inFlight += bytes;
  const wasm = memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
  if (HEAP + wasm + inFlight <= (limit || MOST)) return;
  const message = "Worker exceeded memory limit.";
  console.error(JSON.stringify({ event: "platform.refused", message, in_flight: inFlight, wasm }));
  throw new Error(message);
}

/** A call, with its bytes counted: those of its request until there are headers, those of its answer until they are read. */
export async function counted(body, limit, call) {
  const bytes = body?.byteLength ?? body?.length ?? 0;
  try {
    take(bytes, limit);
    return countedAnswer(await call(), limit);
  } finally {
    inFlight -= bytes;
  }
}

function countedAnswer(response, limit) {
  const { body } = response;
  if (body === null) return response;
  let stream;
  // Only when it is asked for: whoever reads all at once needs the answer's own.
  Object.defineProperty(response, "body", { get: () => (stream ??= countedStream(body, limit)) });
  return response;
}

function countedStream(body, limit) {
  let bytes = 0;
  let reader;
  const ended = () => {
    inFlight -= bytes;
    bytes = 0;
  };
  return new ReadableStream({
    async pull(controller) {
      reader ??= body.getReader();
      try {
        const { done, value } = await reader.read();
        if (done) {
          ended();
          return controller.close();
        }
        bytes += value.byteLength;
        take(value.byteLength, limit);
        controller.enqueue(value);
      } catch (error) {
        ended();
        controller.error(error);
        reader.cancel(error).catch(() => {});
      }
    },
    cancel(reason) {
      ended();
      return reader ? reader.cancel(reason) : body.cancel(reason);
    },
  });
}
