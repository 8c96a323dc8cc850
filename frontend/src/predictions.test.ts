import { expect, test } from "vitest";
import type { Manifest } from "./api";
import { predictionOf } from "./predictions";
import type { Series } from "./series";

const series: Series = {
  steps: [0, 10],
  wall_times: [0, 1],
  shape: [2, 2, 4],
  columns: ["class_1", "score_1", "class_2", "score_2"],
  // prettier-ignore
  values: new Float32Array([1, 0.75, 0, 0.25,  0, 0.5, 1, 0.5,   0, 0.9, 1, 0.1,  1, 0.6, 0, 0.4]),
};
const manifest: Manifest = {
  layers: [],
  labels: ["0", "dog"],
  class_names: ["cat", "dog"],
  prediction: { path: "out", classes: 2, activation: "softmax" },
  skipped: {},
};

test("the best class at the step is named, with its share, and compared with the label", () => {
  expect(predictionOf({ series, index: 0 }, manifest, 0)).toEqual({
    name: "dog",
    score: "75.0 %",
    isRight: false,
    top: ["dog 75.0 %", "cat 25.0 %"],
  });
  expect(predictionOf({ series, index: 1 }, manifest, 0)?.isRight).toBe(true);
  expect(predictionOf({ series, index: 1 }, manifest, 1)?.isRight).toBe(true);
});

test("without names a class is its number, and without a label nothing is right or wrong", () => {
  const bare = { ...manifest, labels: [], class_names: [] };
  expect(predictionOf({ series, index: 0 }, bare, 0)).toMatchObject({ name: "1", isRight: null });
});

test("logits are shown as they are", () => {
  const logits = { ...manifest, prediction: { path: "out", classes: 2, activation: null } };
  expect(predictionOf({ series, index: 0 }, logits, 0)?.score).toBe("0.7500");
});

test("a model that scores no classes predicts nothing", () => {
  expect(predictionOf(null, manifest, 0)).toBeNull();
  expect(predictionOf({ series, index: 0 }, { ...manifest, prediction: undefined }, 0)).toBeNull();
});
