import { describe, expect, it } from "vitest";
import type { Link } from "./hash";
import { DEFAULTS, decodeLink, encodeLink, readHash, tabOf, writeHash } from "./hash";

const link: Link = {
  run: "exp1 & co/äctivations",
  layer: "backbone/conv#1:2",
  channel: 17,
  sample: 3,
  step: 400,
  scale: "channel",
  colormap: "viridis",
  zoom: 4,
};

describe("hash", () => {
  it("gives back every state that went through a URL", () => {
    for (const state of [link, DEFAULTS, { ...link, channel: null }, { ...DEFAULTS, step: 0 }]) {
      expect(decodeLink(readHash(writeHash("", "activations", encodeLink(state))))).toEqual(state);
    }
  });

  it("leaves defaults out", () => {
    expect(encodeLink(DEFAULTS)).toEqual({});
    expect(encodeLink({ ...DEFAULTS, step: 25 })).toEqual({ step: "25" });
    expect(writeHash("#activations&step=25", "activations", {})).toBe("#activations");
  });

  it("falls back to defaults for values that make no sense", () => {
    expect(decodeLink({ channel: "-4", sample: "x", step: "1e3", scale: "huge", colormap: "jet", zoom: "9" })).toEqual(
      DEFAULTS,
    );
    expect(readHash("#activations&layer=%E0%A4%A")).toEqual({ "": "" });
  });

  it("keeps the tab's name and what belongs to others", () => {
    const before = "#activations&tagFilter=loss&step=5&_smoothingWeight=0.6";
    expect(writeHash(before, "activations", { step: "25" })).toBe(
      "#activations&tagFilter=loss&_smoothingWeight=0.6&step=25",
    );
    expect(tabOf(before)).toBe("activations");
    expect(tabOf("")).toBe("");
  });
});
