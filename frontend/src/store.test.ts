import { beforeEach, describe, expect, it } from "vitest";
import type { RunSummary } from "./api";
import * as store from "./store";
import { indexAtOrBefore, keptSentence, nearest, pictureSteps, shownStep, stepAway } from "./steps";

const layer = (path: string, role: "input" | "layer", shape: (number | null)[]) => ({
  ...{ path, name: path, index: 0, class_name: "", dtype: "float32", parameters: 0, activation: null, parents: [] },
  role,
  shape,
});

const info: store.LoadedRun = {
  run: "a",
  manifest: {
    layers: [
      layer("input", "input", [null, 8, 8, 1]),
      layer("dense", "layer", [null, 3]),
      layer("conv", "layer", [null, 4, 4, 2]),
    ],
    labels: ["7", "2"],
    skipped: {},
  },
  logged: 3,
  kept: 50,
  timelines: [
    { steps: [0, 10, 40], wall_times: [100, 110, 140], samples: 2 },
    { steps: [10], wall_times: [110], samples: 2 },
  ],
  layers: { conv: 0, dense: 0, input: 1 },
  lastStep: 40,
  isSettled: false,
};

const summary = (run: string, last_wall_time: number): RunSummary => ({
  ...{ run, digest: "d", manifest_wall_time: 1, last_step: 40, steps: 3 },
  last_wall_time,
});

beforeEach(() => {
  store.runs.value = { schema_version: 1, data_location: "x", total_runs: 2, runs: [summary("b", 1), summary("a", 9)] };
  store.runInfo.value = info;
  store.health.value = null;
  store.run.value = null;
  store.layer.value = null;
  store.step.value = null;
  store.follow.value = true;
  store.playing.value = false;
});

describe("steps", () => {
  it("takes the latest step at or before, else the earliest", () => {
    expect([5, 10, 39, 40, 99].map((step) => indexAtOrBefore([10, 40], step))).toEqual([0, 0, 0, 1, 1]);
    expect(indexAtOrBefore([], 3)).toBe(-1);
  });

  it("finds the nearest step with data, the lower of two", () => {
    expect([nearest([0, 10], 5), nearest([0, 10], 6), nearest([], 1)]).toEqual([0, 10, null]);
  });

  it("moves among steps with data and stops at the ends", () => {
    expect([stepAway([0, 10, 40], 10, 1), stepAway([0, 10, 40], 40, 1), stepAway([0, 10, 40], 0, -1)]).toEqual([
      40, 40, 0,
    ]);
  });

  it("follows the last step until another one is asked for", () => {
    expect([shownStep([0, 10], 0, true), shownStep([0, 10], null, false), shownStep([0, 10], 3, false)]).toEqual([
      10, 10, 0,
    ]);
  });

  it("joins the steps of all layers but the inputs, unless there is nothing else", () => {
    const timelines = [[0, 20], [10, 20], [5]].map((steps) => ({ steps, wall_times: [], samples: 1 }));
    expect(pictureSteps({ ...info, timelines, layers: { conv: 0, dense: 1, input: 2 } })).toEqual([0, 10, 20]);
    expect(pictureSteps({ ...info, timelines, layers: { input: 2 } })).toEqual([]);
  });

  it("says how to keep more only when some are missing", () => {
    expect(keptSentence(17, 17)).toBe("17 of 17 logged steps");
    expect(keptSentence(2, 2, "steps with pictures")).toBe("2 of 2 steps with pictures");
    expect(keptSentence(50, 200)).toContain("50 of 200 logged steps · keep more with --activations_steps");
  });
});

describe("store", () => {
  it("shows the run that was written last, and the first layer with feature maps", () => {
    expect(store.currentRun.value?.run).toBe("a");
    expect(store.currentLayer.value?.path).toBe("conv");
  });

  it("takes an input's picture from the step at which it was written", () => {
    store.goTo(40);
    expect(store.imageKey("input", 1)).toEqual({ run: "a", layer: "input", sample: 1, step: 10, wallTime: 110 });
    store.goTo(0);
    expect(store.imageKey("input", 0)?.step).toBe(10);
  });

  it("moves to a new last step only while it follows", () => {
    const longer = { ...info, timelines: [{ steps: [0, 10, 40, 50], wall_times: [1, 2, 3, 4], samples: 2 }] };
    store.runInfo.value = longer;
    expect(store.currentStep.value).toBe(50);
    store.moveStep(-1);
    expect([store.currentStep.value, store.follow.value]).toEqual([40, false]);
    store.setFollow(true);
    expect(store.currentStep.value).toBe(50);
  });

  it("plays from the start when it stands at the end", () => {
    store.togglePlay();
    expect([store.playing.value, store.currentStep.value]).toEqual([true, 0]);
  });

  it("does not show one run's layers under another run's name", () => {
    store.run.value = "b";
    expect(store.layers.value).toEqual([]);
  });

  const healthOf = (steps: number[]) =>
    (store.health.value = {
      run: "a",
      series: { steps, wall_times: steps, shape: [steps.length, 3, 0], columns: [], values: new Float32Array() },
    });

  it("says where pictures end only when they are not just late", () => {
    healthOf([0, 10, 40, 50]);
    expect(store.pictureless.value).toBe(null);
    // Step 50 is newer than what is known of the pictures.
    store.runInfo.value = { ...info, isSettled: true };
    expect(store.pictureless.value).toBe(null);
    store.runInfo.value = { ...info, lastStep: 50 };
    expect(store.pictureless.value).toBe(null);
    store.runInfo.value = { ...info, lastStep: 50, isSettled: true };
    expect(store.pictureless.value).toEqual({ after: 40, upTo: 50, steps: 1 });
    healthOf([0, 10, 40, 50, 60]);
    store.runInfo.value = { ...info, lastStep: 60, logged: 5 };
    expect(store.pictureless.value).toEqual({ after: 40, upTo: 60, steps: 2 });
    expect([store.picturedCount.value, store.steps.value]).toEqual([3, [0, 10, 40]]);
  });

  it("goes by the steps with statistics in a run without pictures", () => {
    healthOf([0, 10]);
    const inputOnly = [{ steps: [0], wall_times: [100], samples: 2 }];
    store.runInfo.value = { ...info, lastStep: 10, logged: 2, timelines: inputOnly, layers: { input: 0 } };
    expect(store.steps.value).toEqual([0, 10]);
    expect(store.pictureless.value).toEqual({ after: null, upTo: 10, steps: 2 });
    expect(store.wantedPicture.value).toBe(null);
    expect(store.shown.value).toEqual({ run: "a", layer: "conv", step: 10 });
  });
});
