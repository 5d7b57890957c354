/**
 * Small pictures of images that are in a file. They are decoded here and go to the page as pixels: no address is made of
 * them, so the page's policy need not allow any.
 */
const MOST_PIXELS = 64e6;
const WIDTH = 320;

interface Size {
  type: string;
  width: number;
  height: number;
}

/** Null for what is no PNG, JPEG, GIF or WebP image, or one that would take too much memory. */
export async function thumbnail(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<{ bitmap: ImageBitmap; caption: string } | null> {
  const size = sizeOf(bytes);
  if (!size || size.width * size.height > MOST_PIXELS) return null;
  const { type, width, height } = size;
  try {
    const blob = new Blob([bytes], { type: `image/${type}` });
    const bitmap = await createImageBitmap(blob, { resizeWidth: Math.min(width, WIDTH) });
    return { bitmap, caption: `${type.toUpperCase()}, ${width} × ${height}` };
  } catch {
    return null;
  }
}

/** What the head of an image says of it. */
function sizeOf(bytes: Uint8Array): Size | null {
  if (bytes.length < 30) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const tag = (at: number) => view.getUint32(at);
  if (tag(0) === 0x89504e47) return { type: "png", width: tag(16), height: tag(20) };
  if (tag(0) === 0x47494638)
    return { type: "gif", width: view.getUint16(6, true), height: view.getUint16(8, true) };
  if (tag(0) === 0x52494646 && tag(8) === 0x57454250) return webpSize(view);
  return tag(0) >>> 8 === 0xffd8ff ? jpegSize(view) : null;
}

/** By its first frame. */
function jpegSize(view: DataView): Size | null {
  for (let at = 2; at + 9 < view.byteLength; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at);
    if (marker >> 8 !== 0xff) return null;
    // The frames of all ways to compress; three markers among them are something else.
    if (marker < 0xffc0 || marker > 0xffcf || [0xffc4, 0xffc8, 0xffcc].includes(marker)) continue;
    return { type: "jpeg", height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
  }
  return null;
}

function webpSize(view: DataView): Size {
  const type = "webp";
  const small = (at: number) => view.getUint16(at, true) & 0x3fff;
  switch (view.getUint8(15)) {
    // VP8X: 24 bits each, less one.
    case 0x58: {
      const [width, height] = [view.getUint32(23, true) >>> 8, view.getUint32(26, true) >>> 8];
      return { type, width: width + 1, height: height + 1 };
    }
    // VP8L: 14 bits each, less one.
    case 0x4c: {
      const bits = view.getUint32(21, true);
      return { type, width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
  }
  return { type, width: small(26), height: small(28) };
}
