// The host that the wasm build is given: a small one, in memory. An expression: a function that makes it.
(knownModels) => {
  const kv = new Map();
  const files = new Map();
  const activity = { in_flight: 0, most: 0, looks: 0 };
  const missing = (what) => Object.assign(new Error(`${what} not found`), { name: "ResourceNotFoundError" });
  let stopping = false;
  let letAnswer;
  const answering = new Promise((resolve) => {
    letAnswer = resolve;
  });
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const models = JSON.parse(knownModels);
  let time = Date.now();
  return {
    now() {
      // Never the same twice, so that ids sort by creation.
      time = Math.max(time + 1, Date.now());
      return time;
    },
    random: () => crypto.getRandomValues(new BigUint64Array(1))[0],
    sleep: pause,
    // May end early; a test has no time to idle away.
    idle: (ms) => pause(Math.min(ms, 5)),
    stopRequested: () => stopping,
    faulted: () => {},
    kvGet: async (key) => kv.get(key) ?? null,
    kvChecks: () => true,
    hasPools: () => false,
    keepBytes: () => undefined,
    pool: () => "",
    allowance: () => undefined,
    async kvWrite(keys, values, checkKeys, checkValues) {
      const holds = (key, i) => String(kv.get(key) ?? null) === String(checkValues[i]);
      if (!checkKeys.every(holds)) return false;
      keys.forEach((key, i) => {
        if (values[i] === null) kv.delete(key);
        else kv.set(key, values[i]);
      });
      return true;
    },
    holdInput: async () => {},
    releaseInput: async () => {},
    async kvList(prefix, after, limit, reverse) {
      if (prefix === "run:") activity.looks += 1;
      const keys = [...kv.keys()].filter((key) => key.startsWith(prefix)).sort();
      if (reverse) keys.reverse();
      const rest = keys.filter((key) => after === undefined || (reverse ? key < after : key > after));
      return { entries: rest.slice(0, limit).map((key) => [key, kv.get(key)]), more: rest.length > limit };
    },
    // What a list gave is the store's own here, and stays.
    kvRead() {},
    async findFile(id) {
      if (!files.has(id)) throw missing("File");
      return { id, bytes: files.get(id).length };
    },
    readFile: async (id, offset, length) => files.get(id).slice(offset, offset + length),
    async createFile(id) {
      const parts = [];
      return {
        write: async (part) => void parts.push(...part),
        async complete() {
          files.set(id, Uint8Array.from(parts));
          return { id, bytes: parts.length };
        },
        abort: async () => {},
      };
    },
    async infer() {
      activity.in_flight += 1;
      activity.most = Math.max(activity.most, activity.in_flight);
      await answering;
      activity.in_flight -= 1;
      return { status: 200, body: new TextEncoder().encode("{}") };
    },
    async hasModel(model) {
      if (!models.includes(model)) throw missing("Model");
      return true;
    },

    // What follows is for the tests.
    addFile: (id, content) => void files.set(id, new TextEncoder().encode(content)),
    stored: (key) => (kv.has(key) ? new TextDecoder().decode(kv.get(key)) : undefined),
    store: (key, value) => void kv.set(key, new TextEncoder().encode(value)),
    stop() {
      stopping = true;
    },
    tick: () => pause(1),
    activity: () => JSON.stringify(activity),
    letModelAnswer: () => letAnswer(),
  };
};
