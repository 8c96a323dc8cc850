import { describe, expect, it } from "vitest";
import type { Layer } from "./api";
import { ago, number, percent, runName, shape } from "./format";
import { NOT_CAPTURED, rowsOf } from "./tree";

const layer = (path: string, class_name = "Conv2D") => ({ path, class_name, activation: null }) as unknown as Layer;
const layers = [layer("input"), layer("net/a/conv"), layer("net/a/relu", "ReLU"), layer("net/b"), layer("head")];
const drawn = (closed: string[] = [], query = "", skipped: Record<string, string> = {}) =>
  rowsOf(layers, new Set(closed), query, skipped).map(
    (row) => "-".repeat(row.depth) + row.name + (row.kind === "skipped" ? `: ${row.reason}` : ""),
  );

describe("tree", () => {
  it("nests layers by the segments of their paths", () => {
    expect(drawn()).toEqual(["input", "net", "-a", "--conv", "--relu", "-b", "head"]);
  });

  it("leaves out what is below a closed group", () => {
    expect(drawn(["net/a"])).toEqual(["input", "net", "-a", "-b", "head"]);
    expect(drawn(["net"])).toEqual(["input", "net", "head"]);
  });

  it("finds layers by path or class, in closed groups too", () => {
    expect(drawn(["net"], "relu")).toEqual(["net", "-a", "--relu"]);
    expect(drawn([], "nothing")).toEqual([]);
  });

  it("lists what could not be captured with its neighbours, after the layer it is a part of, or at the end", () => {
    expect(drawn([], "", { "net/a/cell": "in a loop" })).toEqual([
      ...["input", "net", "-a", "--conv", "--relu", "--cell: in a loop", "-b", "head"],
    ]);
    expect(drawn([], "", { "net/b/cell/gate": "in a loop" })).toEqual([
      ...["input", "net", "-a", "--conv", "--relu", "-b", "--cell/gate: in a loop", "head"],
    ]);
    expect(drawn([], "", { "other/x": "not called", network: "not called" })).toEqual([
      ...["input", "net", "-a", "--conv", "--relu", "-b", "head", "other/x: not called", "network: not called"],
    ]);
  });

  it("lists it within a group whose own output is a layer too", () => {
    const nested = rowsOf([layer("net/a"), layer("net"), layer("head")], new Set(), "", { "net/b": "in a loop" });
    expect(nested.map((row) => `${row.kind} ${"-".repeat(row.depth)}${row.name}`)).toEqual([
      ...["group net", "leaf -a", "skipped -b", "leaf net", "leaf head"],
    ]);
  });

  it("keeps the order of several that could not be captured", () => {
    expect(drawn(["net"], "", { "head/b": "1", "head/a": "2", z: "3" })).toEqual([
      ...["input", "net", "head", "-b: 1", "-a: 2", "z: 3"],
    ]);
  });

  it("hides what could not be captured in a closed group, and finds it there", () => {
    const skipped = { "net/a/cell": "in a loop", "head/cell": "in a loop" };
    expect(drawn(["net"], "", skipped)).toEqual(["input", "net", "head", "-cell: in a loop"]);
    expect(drawn(["net"], "net cell", skipped)).toEqual(["net/a/cell: in a loop"]);
    expect(drawn([], NOT_CAPTURED, skipped)).toEqual(["net/a/cell: in a loop", "head/cell: in a loop"]);
    expect(drawn([], "relu", skipped)).toEqual(["net", "-a", "--relu"]);
  });
});

describe("format", () => {
  it("writes numbers shortly and names what is not finite", () => {
    expect([0, 3.21456, -0.5, 1234567, 1e-7, NaN, -Infinity].map((value) => number(value))).toEqual([
      "0",
      "3.215",
      "−0.5000",
      "1.23e6",
      "1.00e−7",
      "NaN",
      "−Inf",
    ]);
  });

  it("writes shapes, shares, times and run names", () => {
    expect([shape([null, 11, 11, 64]), shape([null]), shape(null)]).toEqual(["11×11×64", "scalar", ""]);
    expect([percent(0.469), percent(0), percent(0.0001)]).toEqual(["46.9 %", "0 %", "<0.1 %"]);
    expect([ago(0), ago(12.9), ago(61), ago(7300)]).toEqual(["just now", "12 s ago", "1 min ago", "2 h ago"]);
    expect(runName("exp1/activations", ["exp1/activations"])).toBe("exp1");
    expect(runName("exp1/activations", ["exp1/activations", "exp1"])).toBe("exp1/activations");
  });
});
