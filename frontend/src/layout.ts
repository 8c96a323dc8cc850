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
/** How many times as high as wide a pixel may be drawn, or the other way round. */
const MAX_STRETCH = 16;

export interface Layout {
  /** Screen pixels per column of a tile, and per row. */
  zoom: number;
  zoomY: number;
  columns: number;
  rows: number;
  /** Distance from one tile to the next, in pixels. */
  stepX: number;
  stepY: number;
}

function place(count: number, tile: readonly [number, number], zoom: number, width: number, zoomY = zoom): Layout {
  const stepX = Math.max(MIN_CELL, tile[1] * zoom) + GUTTER;
  const columns = Math.max(1, Math.min(MAX_COLUMNS, count, Math.floor((width + GUTTER) / stepX)));
  return { zoom, zoomY, columns, rows: Math.ceil(count / columns), stepX, stepY: tile[0] * zoomY + LABEL + ROW_GAP };
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

/** A single tile whose rows and columns are of different kinds: each zoomed on its own, so that no strip is thin. */
export function fill(tile: readonly [number, number], width: number, height: number): Layout {
  const square = fit(1, tile, width, height).zoom;
  const most = Math.min(MAX_ZOOM, square * MAX_STRETCH);
  const zoom = Math.min(most, Math.floor(width / tile[1]));
  const zoomY = Math.min(most, Math.floor((height - LABEL) / tile[0]));
  return place(1, tile, Math.max(square, zoom), width, Math.max(square, zoomY));
}

export function layoutOf(
  count: number,
  tile: readonly [number, number],
  isSequence: boolean,
  zoom: "fit" | 2 | 4,
  width: number,
  height: number,
): Layout {
  if (zoom !== "fit") return place(count, tile, zoom, width);
  return isSequence ? fill(tile, width, height) : fit(count, tile, width, height);
}

/** The rows that a window of `height` pixels shows, with one to spare on either side. */
export function rowsInView(layout: Layout, top: number, height: number): [first: number, end: number] {
  const first = Math.max(0, Math.floor(top / layout.stepY) - 1);
  return [first, Math.min(layout.rows, Math.ceil((top + height) / layout.stepY) + 1)];
}
