/** One atlas: a PNG of tiles whose header turns codes back into numbers (docs/format.md), and the painting of tiles. */
import { NONFINITE, pack } from "./colors";
import { decodePng } from "./png";

const SCHEMA_VERSION = 1;
const KEYWORD = "tb_activations";
const NONFINITE_VALUES = [-Infinity, Infinity, NaN];

export type View = "maps" | "sequence" | "units" | "scalar" | "color";
export type Range = readonly [low: number, high: number];

export interface AtlasHeader {
  schema_version: number;
  view: View;
  shape: readonly number[];
  axes: readonly string[];
  dtype: string;
  /** Height and width of a tile in pixels. */
  tile: readonly [number, number];
  columns: number;
  downsampling: readonly [number, number];
  /** Channel ids in tile order; unit ids in column (`sequence`) or reading order (`units`). */
  channels: readonly number[];
  ranges: readonly (Range | null)[];
  levels: readonly number[];
  /** Rows and columns of a tile's slices in reading order; absent in older files. */
  slices?: readonly [number, number];
  /** What was done to the values before drawing. */
  note?: string;
}

export interface Atlas {
  header: AtlasHeader;
  width: number;
  height: number;
  samples: 1 | 3 | 4;
  /** `[height * width * samples]` */
  codes: Uint8Array;
}

export class AtlasError extends Error {}

/** As it stands in the picture: the first n channels, and equal levels, as one number; ranges as base64 of pairs. */
interface WrittenHeader extends Omit<AtlasHeader, "channels" | "levels" | "ranges"> {
  channels: readonly number[] | number;
  levels: readonly number[] | number;
  ranges: { float32: string } | { float64: string };
}

export function parseHeader(text: string): AtlasHeader {
  const header = JSON.parse(text) as WrittenHeader;
  if (header.schema_version > SCHEMA_VERSION) {
    throw new AtlasError(
      `This picture has schema version ${header.schema_version}, and this page reads up to ${SCHEMA_VERSION}. ` +
        "Upgrade it where TensorBoard runs: pip install --upgrade tb_activations",
    );
  }
  const { channels, levels } = header;
  const ranges = pairs(header.ranges);
  return {
    ...header,
    channels: typeof channels === "number" ? Array.from({ length: channels }, (_, id) => id) : channels,
    ranges,
    levels: typeof levels === "number" ? ranges.map(() => levels) : levels,
  };
}

/** Low and high of each tile; null where NaN says that it has no finite value. */
function pairs(written: WrittenHeader["ranges"]): (Range | null)[] {
  const wide = "float64" in written;
  const bytes = Uint8Array.from(atob(wide ? written.float64 : written.float32), (char) => char.charCodeAt(0));
  const ends = wide ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
  return Array.from({ length: ends.length / 2 }, (_, tile) => {
    const [low = NaN, high = NaN] = ends.subarray(2 * tile, 2 * tile + 2);
    return Number.isNaN(low) ? null : [low, high];
  });
}

/** What a picture's channels are called. */
export function channelNoun(header: AtlasHeader): "channel" | "head" | "unit" {
  if (header.axes.includes("head")) return "head";
  return header.axes.includes("channel") ? "channel" : "unit";
}

/** Where a pixel of a map is, with the names of the axes. */
export function placeInMap(header: AtlasHeader, row: number, column: number): string {
  const [rows, columns] = header.slices ?? [1, 1];
  const [height, width] = [header.tile[0] / rows, header.tile[1] / columns];
  const [down, across] = header.downsampling;
  const [first, second] = header.axes.includes("query") ? ["query", "key"] : ["row", "column"];
  const where = `${first} ${(row % height) * down}, ${second} ${(column % width) * across}`;
  if (rows * columns === 1) return where;
  return `slice ${Math.floor(row / height) * columns + Math.floor(column / width)} · ${where}`;
}

/** What was done to the values before they were drawn, in words. */
export function notesOf(header: AtlasHeader): string[] {
  const [rows, columns] = header.slices ?? [1, 1];
  const [down, across] = header.downsampling;
  return [
    ...(header.note ? header.note.split("; ").map((note) => note.replace(/(\d) x (\d)/, "$1 × $2")) : []),
    ...(rows * columns > 1 ? [`${rows * columns} slices in ${rows} × ${columns}`] : []),
    ...(down * across > 1 ? [`averaged ${down} × ${across}`] : []),
  ];
}

export async function decodeAtlas(bytes: Uint8Array): Promise<Atlas> {
  const png = await decodePng(bytes);
  const text = png.text.get(KEYWORD);
  if (text === undefined) throw new AtlasError("This picture was not written by tb_activations: it has no header.");
  return { header: parseHeader(text), width: png.width, height: png.height, samples: png.samples, codes: png.data };
}

/** How many tiles the atlas holds: one per channel for maps, else a single one. */
export function tileCount(header: AtlasHeader): number {
  return header.view === "maps" ? header.channels.length : 1;
}

/** The value that each of the 256 codes stands for. */
export function valueTable(range: Range | null, levels: number): Float64Array {
  const table = new Float64Array(256).fill(NaN);
  const [low, high] = range ?? [NaN, NaN];
  for (let code = 0; code < levels; code++) {
    const share = code / (levels - 1);
    // Weights rather than low + share * (high - low): the difference of two finite ends can overflow.
    table[code] = low === high ? low : low * (1 - share) + high * share;
  }
  NONFINITE_VALUES.slice(0, 256 - levels).forEach((value, i) => (table[levels + i] = value));
  return table;
}

export function tileRange(atlas: Atlas, tile: number): Range | null {
  return atlas.header.ranges[tile] ?? null;
}

/** Least and greatest finite value of all tiles. */
export function layerRange(atlas: Atlas): Range | null {
  let whole: Range | null = null;
  for (const range of atlas.header.ranges) {
    if (range) whole = whole ? [Math.min(whole[0], range[0]), Math.max(whole[1], range[1])] : range;
  }
  return whole;
}

function codeOffset(atlas: Atlas, tile: number, row: number, column: number): number {
  const [height, width] = atlas.header.tile;
  const x = (tile % atlas.header.columns) * width + column;
  const y = Math.floor(tile / atlas.header.columns) * height + row;
  return (y * atlas.width + x) * atlas.samples;
}

/** The unit drawn in a pixel, or null in a `units` tile's unused end; undefined where pixels are not units. */
export function unitAt(header: AtlasHeader, row: number, column: number): number | null | undefined {
  if (header.view === "sequence") return header.channels[column] ?? null;
  if (header.view === "units" || header.view === "scalar") {
    return header.channels[row * header.tile[1] + column] ?? (header.view === "scalar" ? 0 : null);
  }
  return undefined;
}

/** The real values of a pixel: one, or one per colour sample. */
export function pixelValues(atlas: Atlas, tile: number, row: number, column: number): number[] {
  const table = valueTable(tileRange(atlas, tile), atlas.header.levels[tile] ?? 256);
  const at = codeOffset(atlas, tile, row, column);
  return Array.from(atlas.codes.subarray(at, at + atlas.samples), (code) => table[code] ?? NaN);
}

export function hasNonFinite(atlas: Atlas, tile: number): boolean {
  return (atlas.header.levels[tile] ?? 256) < 256;
}

export interface Painting {
  width: number;
  height: number;
  /** Packed pixels, `[height * width]`. */
  pixels: Uint32Array<ArrayBuffer>;
}

/**
 * A tile through a colour table.
 *
 * domain: the values drawn in the first and the last colour; null draws the tile over its own range. A tile with
 * non-finite pixels is painted at twice the size, so that each of those is a checker of its own.
 */
export function paintTile(atlas: Atlas, tile: number, domain: Range | null, colors: Uint32Array): Painting {
  const [height, width] = atlas.header.tile;
  const levels = atlas.header.levels[tile] ?? 256;
  const size = levels < 256 ? 2 : 1;
  const pixels = new Uint32Array(height * width * size * size);
  const lut = colorsOfCodes(tileRange(atlas, tile), levels, domain, colors);
  const cells = atlas.header.view === "units" ? atlas.header.channels.length : height * width;
  for (let row = 0; row < height; row++) {
    let at = codeOffset(atlas, tile, row, 0);
    for (let column = 0; column < width; column++, at += atlas.samples) {
      if (row * width + column >= cells) continue;
      const code = atlas.codes[at] ?? 0;
      const color =
        atlas.samples === 1
          ? (lut[code] ?? 0)
          : pack(
              code,
              atlas.codes[at + 1] ?? 0,
              atlas.codes[at + 2] ?? 0,
              atlas.samples === 4 ? atlas.codes[at + 3] : 255,
            );
      if (size === 1) {
        pixels[row * width + column] = color;
        continue;
      }
      const pair = code >= levels && atlas.samples === 1 ? NONFINITE[code - levels]?.colors : undefined;
      for (let k = 0; k < 4; k++) {
        const odd = (k ^ (k >> 1)) & 1;
        pixels[(row * 2 + (k >> 1)) * width * 2 + column * 2 + (k & 1)] = pair ? pair[odd as 0 | 1] : color;
      }
    }
  }
  return { width: width * size, height: height * size, pixels };
}

function colorsOfCodes(range: Range | null, levels: number, domain: Range | null, colors: Uint32Array): Uint32Array {
  const lut = new Uint32Array(256);
  const values = valueTable(range, levels);
  const [low, high] = domain ?? range ?? [0, 0];
  for (let code = 0; code < levels; code++) {
    // A constant map has no range to spread over: it stays at the dark end, as matplotlib's imshow has it.
    const share = high > low ? ((values[code] ?? 0) - low) / (high - low) : 0;
    lut[code] = colors[Math.round(Math.max(0, Math.min(1, share)) * 255)] ?? 0;
  }
  return lut;
}
