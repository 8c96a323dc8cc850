import { describe, expect, it } from "vitest";
import { at, decodeSeries, overSteps } from "./series";

function encode(dtype: "float32" | "float64", values: number[]): ArrayBuffer {
  const header = { steps: [0, 25], wall_times: [1, 2], dtype, shape: [2, 1, 2], columns: ["min", "max"] };
  let json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil((4 + json.length) / 8) * 8 - 4;
  json = Uint8Array.from([...json, ...Array<number>(padded - json.length).fill(32)]);
  const body = dtype === "float32" ? Float32Array.from(values) : Float64Array.from(values);
  const whole = new Uint8Array(4 + padded + body.byteLength);
  new DataView(whole.buffer).setUint32(0, padded, true);
  whole.set(json, 4);
  whole.set(new Uint8Array(body.buffer), 4 + padded);
  return whole.buffer;
}

describe("tensor series", () => {
  for (const dtype of ["float32", "float64"] as const) {
    it(`reads ${dtype} by step, row and column name`, () => {
      const series = decodeSeries(encode(dtype, [0, 1.5, NaN, 2.5]));
      expect(series.steps).toEqual([0, 25]);
      expect(at(series, 0, 0, "max")).toBe(1.5);
      expect(at(series, 1, 0, "min")).toBeNaN();
      expect(overSteps(series, 0, "max")).toEqual([1.5, 2.5]);
    });
  }

  it("answers NaN for a row, step or column that is not there", () => {
    const series = decodeSeries(encode("float32", [0, 1, 2, 3]));
    expect(at(series, 2, 0, "max")).toBeNaN();
    expect(at(series, 0, 1, "max")).toBeNaN();
    expect(at(series, 0, 0, "median")).toBeNaN();
  });
});
