/**
 * A PNG's raw samples and text, decoded here because a browser's own decoder hides the text and may touch the colours.
 *
 * Reads what atlases use: 8 bits per sample, no interlacing, grey, RGB or RGBA. https://www.w3.org/TR/png-3/
 */
export interface Png {
  width: number;
  height: number;
  /** Samples per pixel: 1 grey, 3 RGB, 4 RGBA. */
  samples: 1 | 3 | 4;
  /** Row after row, `[height * width * samples]`. */
  data: Uint8Array;
  text: ReadonlyMap<string, string>;
}

export class PngError extends Error {}

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const SAMPLES_OF_COLOR_TYPE: Readonly<Record<number, 1 | 3 | 4>> = { 0: 1, 2: 3, 6: 4 };

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const a = Math.abs(guess - left);
  const b = Math.abs(guess - up);
  const c = Math.abs(guess - corner);
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/** Undoes the five row filters; `filtered` holds a filter byte before each row of `stride` bytes. */
export function unfilter(filtered: Uint8Array, height: number, stride: number, samples: number): Uint8Array {
  if (filtered.length < height * (stride + 1)) throw new PngError("the PNG's pixel data end early");
  const out = new Uint8Array(height * stride);
  for (let row = 0; row < height; row++) {
    const filter = filtered[row * (stride + 1)] ?? 0;
    const from = row * (stride + 1) + 1;
    const to = row * stride;
    if (filter > 4) throw new PngError(`the PNG uses the unknown row filter ${filter}`);
    if (filter === 0) {
      out.set(filtered.subarray(from, from + stride), to);
      continue;
    }
    for (let i = 0; i < stride; i++) {
      const left = i >= samples ? (out[to + i - samples] ?? 0) : 0;
      const up = row > 0 ? (out[to + i - stride] ?? 0) : 0;
      const corner = row > 0 && i >= samples ? (out[to + i - stride - samples] ?? 0) : 0;
      const predicted =
        filter === 1 ? left : filter === 2 ? up : filter === 3 ? (left + up) >> 1 : paeth(left, up, corner);
      // A Uint8Array keeps the sum modulo 256, as the format asks.
      out[to + i] = (filtered[from + i] ?? 0) + predicted;
    }
  }
  return out;
}

export async function decodePng(bytes: Uint8Array): Promise<Png> {
  if (!SIGNATURE.every((byte, i) => bytes[i] === byte)) throw new PngError("the picture is not a PNG");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const latin1 = new TextDecoder("latin1");
  const text = new Map<string, string>();
  const pixels: Uint8Array[] = [];
  let header: { width: number; height: number; samples: 1 | 3 | 4 } | undefined;
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = latin1.decode(bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (type === "IHDR") {
      const samples = SAMPLES_OF_COLOR_TYPE[body[9] ?? -1];
      if (body[8] !== 8 || !samples || body[12] !== 0) {
        throw new PngError("the picture is not an atlas: 8-bit grey or colour without interlacing is expected");
      }
      header = { width: view.getUint32(at + 8), height: view.getUint32(at + 12), samples };
    } else if (type === "zTXt") {
      const end = body.indexOf(0);
      // Keyword, a zero byte, the compression method (0 is the only one), then a zlib stream.
      const value = await inflate(body.slice(end + 2));
      text.set(latin1.decode(body.subarray(0, end)), latin1.decode(value));
    } else if (type === "tEXt") {
      const end = body.indexOf(0);
      text.set(latin1.decode(body.subarray(0, end)), latin1.decode(body.subarray(end + 1)));
    } else if (type === "IDAT") {
      pixels.push(body);
    } else if (type === "IEND") {
      break;
    }
    at += 12 + length;
  }
  if (!header || pixels.length === 0) throw new PngError("the picture is cut short");
  const stride = header.width * header.samples;
  const filtered = await inflate(concatenate(pixels));
  return { ...header, data: unfilter(filtered, header.height, stride, header.samples), text };
}
