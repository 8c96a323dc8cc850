/** A tensor per step, as the routes send it (docs/http.md, "Tensor series"). */
export interface Series {
  /** Ascending. */
  steps: number[];
  wall_times: number[];
  /** `[steps, rows, columns]` */
  shape: number[];
  columns: string[];
  values: Float32Array | Float64Array;
}

interface SeriesHeader extends Omit<Series, "values"> {
  dtype: "float32" | "float64";
}

/** A little-endian uint32 `n`, `n` bytes of JSON, then the values at a multiple of 8. */
export function decodeSeries(buffer: ArrayBuffer): Series {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))) as SeriesHeader;
  const Values = header.dtype === "float64" ? Float64Array : Float32Array;
  const count = header.shape.reduce((product, size) => product * size, 1);
  return { ...header, values: new Values(buffer, 4 + length, count) };
}

/** One number; NaN where the series has none. */
export function at(series: Series, stepIndex: number, row: number, column: string): number {
  const [steps = 0, rows = 0, columns = 0] = series.shape;
  const columnIndex = series.columns.indexOf(column);
  if (stepIndex < 0 || stepIndex >= steps || row < 0 || row >= rows || columnIndex < 0) return NaN;
  return series.values[(stepIndex * rows + row) * columns + columnIndex] ?? NaN;
}

/** One row's column over all steps. */
export function overSteps(series: Series, row: number, column: string): number[] {
  return series.steps.map((_, stepIndex) => at(series, stepIndex, row, column));
}
