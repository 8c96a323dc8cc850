import { describe, expect, it } from "vitest";
import { COLORMAPS, NONFINITE, colorTable, gradient, pack, toCss } from "./colors";

describe("colors", () => {
  it("has 256 opaque colours that grow brighter", () => {
    for (const map of COLORMAPS) {
      const table = colorTable(map);
      expect(table).toHaveLength(256);
      expect([...table].every((color) => color >>> 24 === 255)).toBe(true);
      const brightness = [...table].map(
        (c) => 0.2126 * (c & 255) + 0.7152 * ((c >> 8) & 255) + 0.0722 * ((c >> 16) & 255),
      );
      expect(brightness[255]).toBeGreaterThan(brightness[128] ?? 0);
      expect(brightness[128]).toBeGreaterThan(brightness[0] ?? 0);
    }
  });

  it("matches matplotlib's ends of magma and viridis", () => {
    expect(toCss(colorTable("magma")[0] ?? 0)).toBe("rgb(0 0 4)");
    expect(toCss(colorTable("magma")[255] ?? 0)).toBe("rgb(252 253 191)");
    expect(toCss(colorTable("viridis")[0] ?? 0)).toBe("rgb(68 1 84)");
    expect(toCss(colorTable("viridis")[255] ?? 0)).toBe("rgb(253 231 37)");
  });

  it("draws grey code for code", () => {
    expect([...colorTable("grey")].every((color, i) => color === pack(i, i, i))).toBe(true);
  });

  it("marks non-finite pixels with colours that no colormap contains", () => {
    const used = new Set(COLORMAPS.flatMap((map) => [...colorTable(map)]));
    for (const { colors } of NONFINITE) for (const color of colors) expect(used.has(color)).toBe(false);
  });

  it("writes a gradient from the first colour to the last", () => {
    expect(gradient("grey")).toMatch(/^linear-gradient\(90deg, rgb\(0 0 0\), .*rgb\(255 255 255\)\)$/);
  });
});
