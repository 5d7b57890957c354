// A tar whose bytes depend on its files alone: sorted, without owners, all of one time, plain ustar.

const BLOCK = 512;

/** A tar of `files` ({ path, content, executable }), all said to be of `time` (seconds). */
export function tar(files, time) {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const blocks = sorted.flatMap(({ path, content, executable }) => {
    const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
    return [header(path, content.length, executable ? 0o755 : 0o644, time), content, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header(path, size, mode, time) {
  const block = Buffer.alloc(BLOCK);
  const [prefix, name] = split(path);
  const octal = (value, length) => value.toString(8).padStart(length - 1, "0");
  block.write(name, 0, 100);
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(time, 12), 136);
  block.write("        ", 148);
  block.write("0", 156);
  block.write("ustar\0", 257, "latin1");
  block.write("00", 263);
  block.write(prefix, 345, 155);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 7)}\0 `, 148, "latin1");
  return block;
}

/** A path as ustar holds it: up to 100 bytes, and up to 155 in front of one of its slashes. */
function split(path) {
  const fits = (text, length) => Buffer.byteLength(text) <= length;
  if (fits(path, 100)) return ["", path];
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
    const parts = [path.slice(0, at), path.slice(at + 1)];
    if (fits(parts[0], 155) && fits(parts[1], 100)) return parts;
  }
  throw new Error(`tar: the path is too long: ${path}`);
}
