import { describe, expect, it } from "vitest";
import type { AtlasHeader } from "./atlas";
import {
  AtlasError,
  channelNoun,
  notesOf,
  parseHeader,
  decodeAtlas,
  layerRange,
  paintTile,
  pixelValues,
  placeInMap,
  tileCount,
  unitAt,
  valueTable,
} from "./atlas";
import { NONFINITE, colorTable } from "./colors";
import { encodeAtlas, encodePng, writtenHeader } from "./testing";

const base: AtlasHeader = {
  schema_version: 1,
  view: "maps",
  shape: [2, 2, 3],
  axes: ["height", "width", "channel"],
  dtype: "float32",
  tile: [2, 2],
  columns: 2,
  downsampling: [1, 1],
  channels: [0, 1, 5],
  ranges: [[0, 1], [-2, 4], null],
  levels: [256, 253, 253],
};

// Tiles 0 and 1 side by side, tile 2 below tile 0, the unused cell black.
const codes = [
  [0, 255, 0, 252],
  [51, 102, 253, 254],
  [255, 255, 0, 0],
  [255, 255, 0, 0],
].flat();

describe("the header", () => {
  const text = (fields: object) => JSON.stringify({ ...base, ...fields });
  const float64 = Buffer.from(Float64Array.of(-1e300, 1e300, NaN, NaN).buffer).toString("base64");

  it("has the first channels and equal levels as one number", () => {
    const header = parseHeader(text({ channels: 2, levels: 256, ranges: { float64 } }));
    expect([header.channels, header.levels]).toEqual([
      [0, 1],
      [256, 256],
    ]);
    expect(header.ranges).toEqual([[-1e300, 1e300], null]);
  });

  it("has lists of both where they are more than that", () => {
    const header = parseHeader(text({ channels: [5, 1], levels: [256, 253], ranges: { float64 } }));
    expect([header.channels, header.levels]).toEqual([
      [5, 1],
      [256, 253],
    ]);
  });
});

describe("atlas", () => {
  it("gives back the real values of a finite tile", async () => {
    const atlas = await decodeAtlas(encodeAtlas(4, 4, codes, base));
    expect(tileCount(atlas.header)).toBe(3);
    expect(pixelValues(atlas, 0, 0, 1)).toEqual([1]);
    expect(pixelValues(atlas, 0, 1, 0)[0]).toBeCloseTo(0.2, 12);
  });

  it("gives back the finite ends and -Inf, +Inf, NaN of a tile that has them", async () => {
    const atlas = await decodeAtlas(encodeAtlas(4, 4, codes, base));
    expect(pixelValues(atlas, 1, 0, 0)).toEqual([-2]);
    expect(pixelValues(atlas, 1, 0, 1)).toEqual([4]);
    expect(pixelValues(atlas, 1, 1, 0)).toEqual([-Infinity]);
    expect(pixelValues(atlas, 1, 1, 1)).toEqual([Infinity]);
    expect(pixelValues(atlas, 2, 1, 1)).toEqual([NaN]);
  });

  it("does not overflow between the ends of float64, and keeps a constant exact", () => {
    expect(valueTable([-1.7e308, 1.7e308], 256).every((value) => Number.isFinite(value))).toBe(true);
    expect(valueTable([0.1, 0.1], 256)[77]).toBe(0.1);
  });

  it("takes the layer's range from the finite tiles", async () => {
    const atlas = await decodeAtlas(encodeAtlas(4, 4, codes, base));
    expect(layerRange(atlas)).toEqual([-2, 4]);
  });

  it("paints a tile over its own range, or over a given one", async () => {
    const atlas = await decodeAtlas(encodeAtlas(4, 4, codes, base));
    const grey = colorTable("grey");
    expect([...paintTile(atlas, 0, null, grey).pixels]).toEqual([0, 255, 51, 102].map((code) => grey[code]));
    expect([...paintTile(atlas, 0, [0, 2], grey).pixels].slice(0, 2)).toEqual([grey[0], grey[128]]);
  });

  it("paints a constant tile dark rather than dividing by zero", async () => {
    const header = { ...base, ranges: [[3, 3], null, null] };
    const atlas = await decodeAtlas(encodeAtlas(4, 4, Array<number>(16).fill(0), header));
    expect(paintTile(atlas, 0, null, colorTable("grey")).pixels[0]).toBe(colorTable("grey")[0]);
  });

  it("paints each non-finite pixel as a checker", async () => {
    const atlas = await decodeAtlas(encodeAtlas(4, 4, codes, base));
    const { width, height, pixels } = paintTile(atlas, 1, null, colorTable("magma"));
    expect([width, height]).toEqual([4, 4]);
    const [a, b] = NONFINITE[0].colors;
    expect([pixels[8], pixels[9], pixels[12], pixels[13]]).toEqual([a, b, b, a]);
  });

  it("leaves the unused end of a units tile transparent", async () => {
    const header = {
      ...base,
      view: "units",
      tile: [2, 2],
      columns: 1,
      channels: [0, 1, 2],
      ranges: [[0, 1]],
      levels: [256],
    };
    const atlas = await decodeAtlas(encodeAtlas(2, 2, [255, 0, 255, 0], header));
    expect(tileCount(atlas.header)).toBe(1);
    expect(paintTile(atlas, 0, null, colorTable("grey")).pixels[3]).toBe(0);
    expect([unitAt(atlas.header, 1, 0), unitAt(atlas.header, 1, 1)]).toEqual([2, null]);
  });

  it("keeps a colour picture in its colours, and gives a value per sample", async () => {
    const header = { ...base, view: "color", tile: [1, 1], columns: 1, ranges: [[0, 1]], levels: [256] };
    const png = encodePng(1, 1, 3, Uint8Array.from([0, 255, 0, 51]), {
      text: { tb_activations: writtenHeader(header) },
    });
    const atlas = await decodeAtlas(png);
    expect(paintTile(atlas, 0, null, colorTable("magma")).pixels[0]).toBe(0xff3300ff);
    expect(pixelValues(atlas, 0, 0, 0)[0]).toBe(1);
  });

  it("refuses a newer schema version with a sentence, and a foreign PNG", async () => {
    await expect(decodeAtlas(encodeAtlas(4, 4, codes, { ...base, schema_version: 2 }))).rejects.toThrow(
      /schema version 2/,
    );
    await expect(decodeAtlas(encodePng(1, 1, 1, Uint8Array.from([0, 0])))).rejects.toThrow(AtlasError);
  });
});

it("a pixel is named by its slice, and attention by query and key", () => {
  const header = { tile: [4, 6], slices: [2, 3], downsampling: [2, 1], axes: ["depth", "height", "width", "channel"] };
  expect(placeInMap(header as unknown as AtlasHeader, 3, 4)).toBe("slice 5 · row 2, column 0");
  const scores = { tile: [5, 5], downsampling: [1, 1], axes: ["head", "query", "key"] };
  expect(placeInMap(scores as unknown as AtlasHeader, 3, 4)).toBe("query 3, key 4");
  expect(channelNoun(scores as unknown as AtlasHeader)).toBe("head");
});

it("what was done to the values is said in words", () => {
  const header = { slices: [3, 2], downsampling: [1, 4], note: "magnitude of complex values; folded 182 x 181" };
  expect(notesOf(header as unknown as AtlasHeader)).toEqual([
    "magnitude of complex values",
    "folded 182 × 181",
    "6 slices in 3 × 2",
    "averaged 1 × 4",
  ]);
  expect(notesOf({ downsampling: [1, 1] } as unknown as AtlasHeader)).toEqual([]);
});
