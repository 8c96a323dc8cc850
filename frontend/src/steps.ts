/** The logic of steps: which one is shown when not every layer has a picture at every step. */
import type { RunInfo, Timeline } from "./api";

/** Index of the latest step at or before `step`, else the earliest; -1 without steps. `steps` ascend. */
export function indexAtOrBefore(steps: readonly number[], step: number): number {
  let found = steps.length > 0 ? 0 : -1;
  for (let i = 0; i < steps.length && (steps[i] ?? Infinity) <= step; i++) found = i;
  return found;
}

/** The step with data that is nearest; the lower one of two equally near. */
export function nearest(steps: readonly number[], step: number): number | null {
  let best: number | null = null;
  for (const candidate of steps) {
    if (best === null || Math.abs(candidate - step) < Math.abs(best - step)) best = candidate;
  }
  return best;
}

/** The step `by` places away among the steps with data, stopping at the ends. */
export function stepAway(steps: readonly number[], from: number, by: number): number | null {
  const index = indexAtOrBefore(steps, from);
  return steps[Math.max(0, Math.min(steps.length - 1, index + by))] ?? null;
}

/** Every step at which some layer has a picture. Inputs, written when they change, count only where nothing else is. */
export function pictureSteps(info: RunInfo): number[] {
  const computed = info.manifest.layers.filter((layer) => layer.role !== "input");
  const counted = computed.length > 0 ? computed : info.manifest.layers;
  const timelines = [...new Set(counted.map((layer) => timelineOf(info, layer.path)))].filter((line) => line !== null);
  return [...new Set(timelines.flatMap((timeline) => timeline.steps))].sort((a, b) => a - b);
}

export function timelineOf(info: RunInfo, path: string): Timeline | null {
  const index = info.layers[path];
  return index === undefined ? null : (info.timelines[index] ?? null);
}

/** The step to show: the last one when following, else the one with data nearest to what was asked. */
export function shownStep(steps: readonly number[], asked: number | null, follow: boolean): number | null {
  if (follow || asked === null) return steps.at(-1) ?? null;
  return nearest(steps, asked);
}

/** "17 of 17 logged steps", or how to keep more of them. noun: what is counted. */
export function keptSentence(shown: number, logged: number, noun = "logged steps"): string {
  if (logged <= shown) return `${shown} of ${shown} ${noun}`;
  return `showing ${shown} of ${logged} ${noun} · keep more with --activations_steps N`;
}
