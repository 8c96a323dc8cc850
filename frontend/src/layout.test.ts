import { describe, expect, it } from "vitest";
import { fill, fit, layoutOf, rowsInView } from "./layout";

describe("layout", () => {
  it("chooses the largest whole zoom at which all tiles are visible", () => {
    const { zoom, columns, rows } = fit(64, [11, 11], 860, 640);
    expect(columns * rows).toBeGreaterThanOrEqual(64);
    expect(columns).toBeLessThanOrEqual(16);
    expect(zoom).toBe(6);
  });

  it("scrolls recognisable tiles where they cannot all be visible", () => {
    const layout = fit(512, [8, 8], 860, 600);
    expect(layout.zoom * 8).toBeGreaterThanOrEqual(32);
    expect(layout.rows * layout.stepY).toBeGreaterThan(600);
  });

  it("never shrinks a tile below one pixel for one", () => {
    expect(fit(1, [2000, 3000], 860, 600).zoom).toBe(1);
  });

  it("fills the pane with a sequence, whose pixels need not be square, but not thinner than 1 : 16", () => {
    expect(fill([20, 512], 860, 600)).toMatchObject({ zoom: 1, zoomY: 16 });
    expect(fill([28, 128], 860, 600)).toMatchObject({ zoom: 6, zoomY: 20 });
    expect(fill([64, 16], 860, 600)).toMatchObject({ zoom: 53, zoomY: 9 });
    expect(fill([2000, 10], 860, 600)).toMatchObject({ zoom: 16, zoomY: 1 });
    expect(layoutOf(1, [20, 512], true, 2, 860, 600)).toMatchObject({ zoom: 2, zoomY: 2 });
  });

  it("draws the rows in view and one to spare", () => {
    const layout = layoutOf(512, [8, 8], false, 4, 860, 600);
    const [first, end] = rowsInView(layout, layout.stepY * 10, layout.stepY * 3);
    expect([first, end]).toEqual([9, 14]);
    expect(rowsInView(layout, 0, 1e6)).toEqual([0, layout.rows]);
  });
});
