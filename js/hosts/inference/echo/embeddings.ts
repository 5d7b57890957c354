/** `/v1/embeddings`: a unit vector for each text, drawn from a generator that the text seeds. */

import { type Endpoint, hash128, integer, mix, Refusal } from "./common.ts";
import { texts } from "./texts.ts";

const encoder = new TextEncoder();

/** 256 dimensions unless asked for otherwise. */
export const embeddings: Endpoint = (body, _id, model) => {
  const inputs = texts(body, "input");
  const dimensions = integer(body, "dimensions", 1, 4096) ?? 256;
  const format = body.encoding_format ?? "float";
  if (typeof format !== "string") throw Refusal.type("encoding_format", "a string", format);
  if (format !== "float" && format !== "base64") {
    throw Refusal.value("encoding_format", format, ["float", "base64"]);
  }

  let asked = 0;
  const data = inputs.map((input, index) => {
    if (input.text === "") {
      const param = inputs.length === 1 ? "input" : `input[${index}]`;
      throw new Refusal(400, `Invalid '${param}': input cannot be an empty string.`, param, "invalid_value");
    }
    asked += input.tokens;
    const vector = unitVector(input.text, dimensions);
    const embedding = format === "base64" ? `"${base64(vector)}"` : `[${vector.join(",")}]`;
    return `{"object":"embedding","index":${index},"embedding":${embedding}}`;
  });
  return (
    `{"object":"list","data":[${data.join(",")}],"model":${JSON.stringify(model)},` +
    `"usage":{"prompt_tokens":${asked},"total_tokens":${asked}}}`
  );
};

/** Eight decimals, which is finer than the 32-bit floats of base64 tell apart. */
function unitVector(text: string, dimensions: number): number[] {
  const seed = Number.parseInt(hash128("", encoder.encode(text)).slice(0, 8), 16);
  const vector = new Array<number>(dimensions);
  let squares = 0;
  for (let i = 0; i < dimensions; i++) {
    // Never 0, so the vector always has a direction.
    const value = (mix(seed + Math.imul(i + 1, 0x9e3779b9)) + 0.5) / 2 ** 31 - 1;
    vector[i] = value;
    squares += value * value;
  }
  const length = Math.sqrt(squares);
  for (let i = 0; i < dimensions; i++) vector[i] = Math.round(((vector[i] as number) / length) * 1e8) / 1e8;
  return vector;
}

/** 32-bit floats, little endian. */
function base64(vector: number[]): string {
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  for (let i = 0; i < vector.length; i++) view.setFloat32(i * 4, vector[i] as number, true);
  let binary = "";
  for (let i = 0; i < view.byteLength; i++) binary += String.fromCharCode(view.getUint8(i));
  return btoa(binary);
}
