// The inputs of the benchmarks, made from a seed: the same bytes on every machine.

/** SplitMix64 cut to doubles: numbers in 0..limit. */
export function random(seed) {
  let state = BigInt(seed);
  const mask = (1n << 64n) - 1n;
  return (limit) => {
    state = (state + 0x9e3779b97f4a7c15n) & mask;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
    return Number((z ^ (z >> 31n)) % BigInt(limit));
  };
}

const languages = [
  "the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one you were",
  "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat daß über größe",
  "le la les de et à un être il avoir ne je son que se qui ce dans en du elle au été déjà où français très même après",
  "и в не на я быть он с что а по это она этот к но они мы весь который из у то за свой один год человек",
  "的 一 是 不 了 在 人 有 我 他 这 个 们 中 来 上 大 为 和 国 地 到 以 说 时 要 就 出 会 可 也",
  "の に は を た が で て と し れ さ ある いる も する から な こと として い や など なっ ない この ため",
  "في من على أن إلى عن مع هذا كان التي الذي ما لا هو كل بعد قد بين ذلك",
  "🙂 👍 🎉 🚀 ❤️ ✅ ⚠️ naïve café œuvre — “quoted” …",
].map((words) => words.split(" "));

const code = [
  'if (x > 0) {\n\treturn "positive";\n}\n',
  "for line in open('data.txt'):\n    print(line.strip())\n",
  'SELECT "id", "name" FROM users WHERE path LIKE \'C:\\\\dir\\\\%\';\n',
  '{"key": "value", "list": [1, 2, 3]}\n',
  "# Title\n\n- item one\n- item two\n\n```json\n{}\n```\n",
];

/** A text of about `length` UTF-16 units: words of one language, here and there a line break, a quotation, code. */
function text(below, length, words) {
  let out = "";
  while (out.length < length) {
    const kind = below(40);
    if (kind === 0) out += code[below(code.length)];
    else if (kind === 1) out += `"${words[below(words.length)]}" `;
    else if (kind === 2) out += "\n\n";
    else out += `${words[below(words.length)]} `;
  }
  return out;
}

/** Everything above ASCII as \uXXXX, as Python's json.dumps writes by default. */
const ascii = (json) =>
  json.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** One chat request of about `size` bytes; every fourth is written as ASCII with escapes. */
function chatLine(below, id, size, asciiOnly = below(4) === 0, language = undefined) {
  const words = languages[language ?? (below(2) === 0 ? 0 : below(languages.length))];
  const units = words === languages[0] ? size : size / 2;
  const request = {
    custom_id: `request-${id}`,
    method: "POST",
    url: "/v1/chat/completions",
    body: {
      model: "echo-1",
      messages: [
        { role: "system", content: text(below, units / 8, words) },
        { role: "user", content: text(below, units * 0.5, words) },
        { role: "assistant", content: text(below, units / 8, words) },
        { role: "user", content: text(below, units / 8, words) },
      ],
      temperature: below(100) / 100,
      max_tokens: below(4096),
      metadata: { user: `u-${below(1e6)}`, tags: ["a", "b", below(10)] },
    },
  };
  const json = JSON.stringify(request);
  return asciiOnly ? ascii(json) : json;
}

const line = (id, own) =>
  `{"custom_id":"${id}","method":"POST","url":"/v1/chat/completions","body":{"model":"echo-1","messages":[],${own}}}`;

/** What can be measured: a line from a source of randomness and its number. */
export const shapes = {
  chat: {
    about: "chat requests of about 3 KB, eight languages, many escapes, a quarter written as ASCII with \\u",
    line: (below, id) => chatLine(below, id, 1500 + below(2400)),
  },
  english: {
    about: "chat requests of about 3 KB, English only",
    line: (below, id) => chatLine(below, id, 3000, false, 0),
  },
  raw_unicode: {
    about: "chat requests of about 3 KB, Russian, Chinese, Japanese, Arabic as UTF-8",
    line: (below, id) => chatLine(below, id, 3000, false, 3 + below(4)),
  },
  tiny: {
    about: "the smallest chat requests",
    line: (_, id) => line(id, '"n":1'),
  },
  huge: {
    about: "lines of 4 MB",
    line: (below, id) => line(id, `"x":"${text(below, 3.6e6, languages[0]).replace(/["\\\n\t]/g, " ")}"`),
  },
  escapes: {
    about: "strings of nothing but two-character escapes",
    line: (_, id) => line(id, `"x":"${'\\n\\"\\\\\\t'.repeat(360)}"`),
  },
  unicode_escapes: {
    about: "strings of nothing but \\uXXXX",
    line: (_, id) => line(id, `"x":"${"\\u00e9\\ud83d\\ude00".repeat(160)}"`),
  },
  structure: {
    about: "nothing but brackets and commas",
    line: (_, id) => line(id, `"x":[${"[],{},[[]],".repeat(260)}0]`),
  },
  keys: {
    about: "objects of one-letter names and one-digit values",
    line: (_, id) => line(id, `"x":{${'"a":1,'.repeat(480)}"b":2}`),
  },
  numbers: {
    about: "arrays of numbers, some with exponents",
    line: (below, id) =>
      line(id, `"x":[${Array.from({ length: 200 }, () => `${below(1e6)}.${below(1e6)}e-${below(300)}`)}]`),
  },
  nested: {
    about: "arrays nested 125 deep, side by side",
    line: (_, id) => line(id, `"x":[${`${"[".repeat(124)}${"]".repeat(124)},`.repeat(12)}0]`),
  },
  spaces: {
    about: "a space wherever one is allowed, as Python's json.dumps writes, and more",
    line: (_, id) => line(id, `"x": [ ${'{ "a" : 1 , "b" : [ true , null ] } ,    '.repeat(70)} 0 ]`),
  },
};

/** At least `bytes` bytes of lines of a shape, and how many lines they are. Lines repeat after 4 MB, their ids do not. */
export function corpus(shape, bytes, seed = 1) {
  const below = random(seed);
  const encoder = new TextEncoder();
  const marker = "@@@@@@@@@@";
  const pool = [];
  let pooled = 0;
  while (pooled < Math.min(bytes, shape === "huge" ? 1 : 4e6)) {
    const bytesOfLine = encoder.encode(`${shapes[shape].line(below, marker)}\n`);
    pool.push(bytesOfLine);
    pooled += bytesOfLine.length;
  }
  const out = new Uint8Array(bytes + pool.reduce((most, one) => Math.max(most, one.length), 0));
  let at = 0;
  let lines = 0;
  while (at < bytes) {
    const one = pool[lines % pool.length];
    out.set(one, at);
    const idAt = at + one.indexOf(0x40);
    let id = lines;
    for (let place = idAt + marker.length - 1; place >= idAt; place--) {
      out[place] = 0x30 + (id % 10);
      id = Math.floor(id / 10);
    }
    at += one.length;
    lines++;
  }
  return { bytes: out.subarray(0, at), lines };
}
