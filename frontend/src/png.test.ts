import { describe, expect, it } from "vitest";
import { PngError, decodePng } from "./png";
import { encodePng } from "./testing";

/** Filters forward, straight from the specification, to have something to undo. */
function filterRow(filter: number, row: number[], above: number[], samples: number): number[] {
  return row.map((value, i) => {
    const a = i >= samples ? (row[i - samples] ?? 0) : 0;
    const b = above[i] ?? 0;
    const c = i >= samples ? (above[i - samples] ?? 0) : 0;
    const p = a + b - c;
    const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
    const predictor = [0, a, b, Math.floor((a + b) / 2), pa <= pb && pa <= pc ? a : pb <= pc ? b : c][filter] ?? 0;
    return (value - predictor + 256) % 256;
  });
}

const noise = (n: number) => Array.from({ length: n }, (_, i) => (i * 7919 + 13 * (i % 5) * i) % 256);

describe("decodePng", () => {
  for (const samples of [1, 3, 4] as const) {
    for (const filter of [0, 1, 2, 3, 4]) {
      it(`undoes filter ${filter} with ${samples} samples per pixel`, async () => {
        const [width, height] = [7, 5];
        const stride = width * samples;
        const data = noise(stride * height);
        const filtered: number[] = [];
        for (let y = 0; y < height; y++) {
          const above = y ? data.slice((y - 1) * stride, y * stride) : [];
          filtered.push(filter, ...filterRow(filter, data.slice(y * stride, (y + 1) * stride), above, samples));
        }
        const png = await decodePng(encodePng(width, height, samples, Uint8Array.from(filtered)));
        expect([png.width, png.height, png.samples]).toEqual([width, height, samples]);
        expect([...png.data]).toEqual(data);
      });
    }
  }

  it("joins pixel data that are split over several chunks", async () => {
    const png = await decodePng(encodePng(2, 2, 1, Uint8Array.from([0, 1, 2, 0, 3, 4]), { split: 3 }));
    expect([...png.data]).toEqual([1, 2, 3, 4]);
  });

  it("reads compressed text", async () => {
    const png = await decodePng(encodePng(1, 1, 1, Uint8Array.from([0, 9]), { text: { tb_activations: '{"a":1}' } }));
    expect(png.text.get("tb_activations")).toBe('{"a":1}');
  });

  it("refuses what is not a PNG, and a PNG that ends early", async () => {
    await expect(decodePng(Uint8Array.from([1, 2, 3]))).rejects.toThrow(PngError);
    await expect(decodePng(encodePng(4, 4, 1, Uint8Array.from([0, 1, 2, 3, 4])))).rejects.toThrow("end early");
  });
});
