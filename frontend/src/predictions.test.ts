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

function oneOutput(value: number): Series {
  const values = new Float32Array([0, value]);
  return { steps: [0], wall_times: [0], shape: [1, 1, 2], columns: ["class_1", "score_1"], values };
}

test("one sigmoid and two names: the value is the share of the second class", () => {
  const binary = { ...manifest, labels: ["dog"], prediction: { path: "out", classes: 1, activation: "sigmoid" } };
  expect(predictionOf({ series: oneOutput(0.75), index: 0 }, binary, 0)).toEqual({
    name: "dog",
    score: "75.0 %",
    isRight: true,
    top: ["dog 75.0 %", "cat 25.0 %"],
  });
  expect(predictionOf({ series: oneOutput(0.25), index: 0 }, binary, 0)).toMatchObject({
    name: "cat",
    score: "75.0 %",
    isRight: false,
  });
});

test("a single value without two names is shown as it is, and compared with nothing", () => {
  const value = { ...manifest, class_names: [], prediction: { path: "out", classes: 1, activation: null } };
  const expected = { name: "", score: "2.500", isRight: null, top: ["2.500"] };
  expect(predictionOf({ series: oneOutput(2.5), index: 0 }, value, 0)).toEqual(expected);
});

test("where every score is NaN no class is predicted, least of all the right one", () => {
  const values = new Float32Array([0, NaN, 1, NaN]);
  const nan = { ...series, steps: [0], wall_times: [0], shape: [1, 1, 4], values };
  expect(predictionOf({ series: nan, index: 0 }, manifest, 0)).toMatchObject({
    name: "",
    score: "NaN",
    isRight: false,
  });
});
