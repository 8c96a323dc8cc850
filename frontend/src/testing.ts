/** Builds PNGs for the tests; no part of the page imports this. */
import { deflateSync } from "node:zlib";

function chunk(type: string, body: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length);
  head.write(type, 4, "latin1");
  // The reader leaves checksums to the transport, so zeros do.
  return Buffer.concat([head, body, Buffer.alloc(4)]);
}

/** filtered: rows with their filter byte. split: bytes per IDAT chunk. */
export function encodePng(
  width: number,
  height: number,
  samples: 1 | 3 | 4,
  filtered: Uint8Array,
  options: { text?: Record<string, string>; split?: number } = {},
): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = { 1: 0, 3: 2, 4: 6 }[samples];
  const pixels = deflateSync(filtered);
  const split = options.split ?? pixels.length;
  const idat: Buffer[] = [];
  for (let at = 0; at < pixels.length; at += split) idat.push(chunk("IDAT", pixels.subarray(at, at + split)));
  const text = Object.entries(options.text ?? {}).map(([keyword, value]) =>
    chunk("zTXt", Buffer.concat([Buffer.from(`${keyword}\0\0`, "latin1"), deflateSync(Buffer.from(value, "latin1"))])),
  );
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return new Uint8Array(
    Buffer.concat([signature, chunk("IHDR", header), ...text, ...idat, chunk("IEND", Buffer.alloc(0))]),
  );
}

interface Header {
  ranges: readonly (readonly number[] | null)[];
}

/** A header's text as it stands in a picture; its ranges are float32. */
export function writtenHeader<T extends Header>(header: T): string {
  const ends = header.ranges.flatMap((range) => range ?? [NaN, NaN]);
  const ranges = { float32: Buffer.from(Float32Array.from(ends).buffer).toString("base64") };
  return JSON.stringify({ ...header, ranges });
}

/** An unfiltered grey PNG of `codes`, row after row, with an atlas header. */
export function encodeAtlas<T extends Header>(
  width: number,
  height: number,
  codes: readonly number[],
  header: T,
): Uint8Array {
  const rows: number[] = [];
  for (let y = 0; y < height; y++) rows.push(0, ...codes.slice(y * width, (y + 1) * width));
  return encodePng(width, height, 1, Uint8Array.from(rows), { text: { tb_activations: writtenHeader(header) } });
}
