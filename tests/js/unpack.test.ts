/** Guards what packed files are unpacked by: it says what zlib says, and takes nothing for whole that is not. */

import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import zlib from "node:zlib";
import { UnpackError, unpacked } from "../../js/core/unpack/index.ts";

type Packing = "gzip" | "zstd";

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

async function unpack(packing: Packing, bytes: Uint8Array, size = 65_536, window?: number) {
  const pieces: Buffer[] = [];
  for await (const piece of unpacked(packing, cut(bytes, size), window)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag, ZSTD_c_windowLog, ZSTD_c_contentSizeFlag } =
  zlib.constants;

function zstd(bytes: Uint8Array, level = 3, params: Record<number, number> = { [ZSTD_c_checksumFlag]: 1 }) {
  return zlib.zstdCompressSync(bytes, { params: { [ZSTD_c_compressionLevel]: level, ...params } });
}

function lines(count: number): Buffer {
  const line = (i: number) =>
    JSON.stringify({ custom_id: `r${i}`, body: { model: "m", n: i * 7919, text: "word ".repeat(i % 40) } });
  return Buffer.from(Array.from({ length: count }, (_, i) => `${line(i)}\n`).join(""));
}

const contents: [string, Buffer][] = [
  ["nothing", Buffer.alloc(0)],
  ["one byte", Buffer.from("a")],
  ["a few bytes", Buffer.from("hello hello hello")],
  ["zeros", Buffer.alloc(700_000)],
  ["noise", randomBytes(300_000)],
  ["lines", lines(9_000)],
  ["skewed bytes", Buffer.from(randomBytes(200_000).map((byte) => Math.clz32(byte) * 3 + (byte & 1)))],
  ["four letters", Buffer.from(randomBytes(200_000).map((byte) => "acgt".charCodeAt(byte & 3)))],
];

test("gzip says what zlib packed, at every level and by every strategy", async () => {
  for (const [name, content] of contents) {
    for (const level of [0, 1, 6, 9])
      for (const strategy of [0, 1, 2, 3, 4]) {
        const packed = zlib.gzipSync(content, { level, strategy });
        assert.ok((await unpack("gzip", packed)).equals(content), `${name}, ${level}, ${strategy}`);
      }
    assert.ok((await unpack("gzip", zlib.gzipSync(content), 13)).equals(content), `${name} in small chunks`);
  }
});

test("zstd says what zlib packed, at every kind of level, with and without its sum", async () => {
  for (const [name, content] of contents) {
    for (const level of [-5, 1, 3, 6, 9, 13, 16, 19])
      for (const sum of [0, 1]) {
        const packed = zstd(content, level, { [ZSTD_c_checksumFlag]: sum });
        assert.ok((await unpack("zstd", packed)).equals(content), `${name}, ${level}, ${sum}`);
      }
    const small = zstd(content, 3, { [ZSTD_c_windowLog]: 10, [ZSTD_c_contentSizeFlag]: 0 });
    assert.ok((await unpack("zstd", small, 13)).equals(content), `${name} with a small window`);
  }
});

test("members of gzip and frames of zstd follow one another, with padding or what is to be skipped between", async () => {
  const [one, two] = [lines(10), lines(20)];
  const both = Buffer.concat([one, two]);
  const members = Buffer.concat([zlib.gzipSync(one), zlib.gzipSync(two), Buffer.alloc(100)]);
  assert.ok((await unpack("gzip", members)).equals(both));
  const named = Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 4 | 8 | 16 | 2, 0, 0, 0, 0, 0, 3, 2, 0, 9, 9]),
    Buffer.from("name\0comment\0"),
    Buffer.from([7, 7]),
    zlib.gzipSync(one).subarray(10),
  ]);
  assert.ok((await unpack("gzip", named, 3)).equals(one));
  const skipped = Buffer.from([0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const frames = Buffer.concat([skipped, zstd(one), skipped, zstd(two, 19), zstd(Buffer.alloc(0))]);
  assert.ok((await unpack("zstd", frames, 5)).equals(both));
});

test("what is cut off anywhere is refused, and what follows that is no packed data", async () => {
  const content = lines(40);
  for (const [packing, packed] of [
    ["gzip", zlib.gzipSync(content)],
    ["zstd", zstd(content)],
    ["zstd", zstd(content, 3, { [ZSTD_c_checksumFlag]: 0 })],
  ] as const) {
    for (let size = 4; size < packed.length; size++)
      await assert.rejects(unpack(packing, packed.subarray(0, size)), UnpackError, `${packing} at ${size}`);
    for (const rest of ["x", "\0\0x", '{"custom_id":"lost"}\n'])
      await assert.rejects(unpack(packing, Buffer.concat([packed, Buffer.from(rest)])), UnpackError, rest);
  }
});

test("a byte that is changed is refused, or changes nothing", async () => {
  const content = lines(60);
  for (const [packing, packed] of [
    ["gzip", zlib.gzipSync(content)],
    ["zstd", zstd(content)],
    ["zstd", zstd(content, 19)],
  ] as const) {
    for (let index = 4; index < packed.length; index++) {
      const changed = Uint8Array.from(packed);
      changed[index] = (changed[index] as number) ^ (1 << (index % 8));
      const said = await unpack(packing, changed).catch((error: unknown) => {
        assert.ok(error instanceof UnpackError, String(error));
        return content;
      });
      assert.ok(said.equals(content), `${packing} with another byte ${index}`);
    }
  }
});

test("noise after the first bytes ends with an error, and with no more than that", async () => {
  for (let round = 0; round < 400; round++) {
    const noise = randomBytes(3_000);
    for (const [packing, head] of [
      ["gzip", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]],
      ["zstd", [0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58]],
    ] as const)
      await assert.rejects(unpack(packing, Buffer.concat([Buffer.from(head), noise])), UnpackError);
  }
});

test("a window that is too large is refused by name, and a larger one may be allowed", async () => {
  const content = lines(100);
  const params = { [ZSTD_c_windowLog]: 27, [ZSTD_c_contentSizeFlag]: 0 };
  const packed = await new Promise<Buffer>((next, fail) => {
    const packing = zlib.createZstdCompress({ params });
    const pieces: Buffer[] = [];
    packing.on("data", (piece: Buffer) => pieces.push(piece)).on("end", () => next(Buffer.concat(pieces)));
    packing.on("error", fail);
    packing.write(content.subarray(0, 100));
    packing.end(content.subarray(100));
  });
  await assert.rejects(unpack("zstd", packed), /window of 128 MiB, and 8 MiB are given/);
  assert.ok((await unpack("zstd", packed, 65_536, 2 ** 27)).equals(content));
});

test("of what grows without end no more is made than is taken", async () => {
  const bombs: [Packing, Buffer][] = [
    ["gzip", zlib.gzipSync(Buffer.alloc(100_000_000), { level: 9 })],
    ["zstd", zstd(Buffer.alloc(100_000_000))],
  ];
  for (const [packing, bomb] of bombs) {
    const before = process.memoryUsage().arrayBuffers;
    const pieces = unpacked(packing, cut(bomb, bomb.length));
    let taken = 0;
    for await (const piece of pieces) {
      assert.ok(piece.length <= 131_072);
      taken += piece.length;
      if (taken > 1_000_000) break;
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 20_000_000);
  }
});
