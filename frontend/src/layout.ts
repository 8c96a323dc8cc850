/** Where tiles go: whole-number zoom, at most 16 to a row. */
export const GUTTER = 6;
export const LABEL = 17;
const ROW_GAP = 8;
const MAX_COLUMNS = 16;
/** Narrower cells have no room for a channel number. */
const MIN_CELL = 22;
/** When not all tiles can be visible, they are drawn about this large. */
const SCROLLED_SIDE = 64;
const MAX_ZOOM = 64;

export interface Layout {
  zoom: number;
  columns: number;
  rows: number;
  /** Distance from one tile to the next, in pixels. */
  stepX: number;
  stepY: number;
}

function place(count: number, tile: readonly [number, number], zoom: number, width: number): Layout {
  const stepX = Math.max(MIN_CELL, tile[1] * zoom) + GUTTER;
  const columns = Math.max(1, Math.min(MAX_COLUMNS, count, Math.floor((width + GUTTER) / stepX)));
  return { zoom, columns, rows: Math.ceil(count / columns), stepX, stepY: tile[0] * zoom + LABEL + ROW_GAP };
}

/** The largest whole zoom at which all tiles are visible; where none is, one at which tiles are recognisable. */
export function fit(count: number, tile: readonly [number, number], width: number, height: number): Layout {
  const isWhole = (layout: Layout) =>
    layout.rows * layout.stepY - ROW_GAP <= height && layout.columns * layout.stepX - GUTTER <= width;
  for (let zoom = MAX_ZOOM; zoom >= 1; zoom--) {
    const layout = place(count, tile, zoom, width);
    if (isWhole(layout)) return layout;
  }
  const side = Math.max(tile[0], tile[1]);
  return place(count, tile, Math.max(1, Math.floor(SCROLLED_SIDE / side)), width);
}

export function layoutOf(
  count: number,
  tile: readonly [number, number],
  zoom: "fit" | 2 | 4,
  width: number,
  height: number,
): Layout {
  return zoom === "fit" ? fit(count, tile, width, height) : place(count, tile, zoom, width);
}

/** The rows that a window of `height` pixels shows, with one to spare on either side. */
export function rowsInView(layout: Layout, top: number, height: number): [first: number, end: number] {
  const first = Math.max(0, Math.floor(top / layout.stepY) - 1);
  return [first, Math.min(layout.rows, Math.ceil((top + height) / layout.stepY) + 1)];
}
