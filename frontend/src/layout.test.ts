import { describe, expect, it } from "vitest";
import { fit, layoutOf, rowsInView } from "./layout";

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

  it("draws the rows in view and one to spare", () => {
    const layout = layoutOf(512, [8, 8], 4, 860, 600);
    const [first, end] = rowsInView(layout, layout.stepY * 10, layout.stepY * 3);
    expect([first, end]).toEqual([9, 14]);
    expect(rowsInView(layout, 0, 1e6)).toEqual([0, layout.rows]);
  });
});
