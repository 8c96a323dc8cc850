/** Colour tables: 256 packed pixels per colormap, and the colours that mark what no colormap can show. */
import { interpolateMagma, interpolateViridis } from "d3-scale-chromatic";

export const COLORMAPS = ["magma", "viridis", "grey"] as const;
export type Colormap = (typeof COLORMAPS)[number];

/** Pixels as `ImageData` holds them, read as one little-endian number. */
export type Packed = number;

export function pack(red: number, green: number, blue: number, alpha = 255): Packed {
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

function packHex(hex: string): Packed {
  const value = parseInt(hex.slice(1), 16);
  return pack(value >> 16, (value >> 8) & 255, value & 255);
}

function buildTable(map: Colormap): Uint32Array {
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    table[i] =
      map === "grey" ? pack(i, i, i) : packHex((map === "magma" ? interpolateMagma : interpolateViridis)(i / 255));
  }
  return table;
}

const tables = new Map<Colormap, Uint32Array>();

/** The 256 colours of a colormap, dark to bright. */
export function colorTable(map: Colormap): Uint32Array {
  let table = tables.get(map);
  if (!table) {
    table = buildTable(map);
    tables.set(map, table);
  }
  return table;
}

/** Two colours per kind of non-finite value, drawn as a checker; no colormap of ours contains any of them. */
export const NONFINITE = [
  { name: "−Inf", colors: [pack(0, 96, 255), pack(0, 30, 120)] },
  { name: "+Inf", colors: [pack(255, 0, 0), pack(120, 0, 0)] },
  { name: "NaN", colors: [pack(255, 0, 255), pack(110, 0, 110)] },
] as const;

export function toCss(packed: Packed): string {
  return `rgb(${packed & 255} ${(packed >> 8) & 255} ${(packed >> 16) & 255})`;
}

/** A CSS gradient of a colormap. */
export function gradient(map: Colormap): string {
  const table = colorTable(map);
  const stops = Array.from({ length: 17 }, (_, i) => toCss(table[Math.round((i / 16) * 255)] ?? 0));
  return `linear-gradient(90deg, ${stops.join(", ")})`;
}
