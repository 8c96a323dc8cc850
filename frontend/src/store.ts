/** The state of the page: signals that the views draw from, the link is made of and `sync` fetches for. */
import { batch, computed, signal } from "@preact/signals";
import type { ImageKey, Layer, RunInfo, Runs } from "./api";
import type { Atlas } from "./atlas";
import { layerRange } from "./atlas";
import type { Colormap } from "./colors";
import type { Series } from "./series";
import { indexAtOrBefore, nearest, pictureSteps, shownStep, stepAway, timelineOf } from "./steps";

export type Scale = "channel" | "layer";
export type Zoom = "fit" | 2 | 4;

/** What was asked for; null is "the page chooses". */
export const run = signal<string | null>(null);
export const layer = signal<string | null>(null);
/** null: no channel is selected. */
export const channel = signal<number | null>(0);
export const sample = signal(0);
export const step = signal<number | null>(null);
export const follow = signal(true);
export const scale = signal<Scale>("layer");
export const colormap = signal<Colormap>("magma");
export const zoom = signal<Zoom>("fit");

/** What passes: never in the link. */
export const playing = signal(false);
export const scrubbing = signal(false);
export const search = signal("");
export const visible = signal(true);
export const dark = signal(false);
export const now = signal(Date.now() / 1000);
export const hover = signal<Hover | null>(null);

export interface Hover {
  tile: number;
  row: number;
  column: number;
  /** The tile's box on the page, so that the readout can stay clear of it. */
  box: DOMRect;
}

/** What came from the server. Each names what it is of, because it stays until its successor is there. */
export const runs = signal<Runs | null>(null);
export const runInfo = signal<LoadedRun | null>(null);
export const health = signal<{ run: string; series: Series } | null>(null);
export const predictions = signal<{ run: string; series: Series } | null>(null);
export const statistics = signal<OfLayer<Series> | null>(null);
export const histogram = signal<OfLayer<Series> | null>(null);
export const picture = signal<(ImageKey & { atlas: Atlas }) | null>(null);
/** Input pictures by sample index. */
export const thumbnails = signal<ReadonlyMap<number, Atlas>>(new Map());

export interface LoadedRun extends RunInfo {
  /** The run's last step when this was asked for; what was logged before that step is in here. */
  lastStep: number;
  /** Whether pictures of the last step, which may come after its other data, are waited for no more. */
  isSettled: boolean;
}

export interface OfLayer<T> {
  run: string;
  layer: string;
  series: T;
}

export type Source = "runs" | "run" | "health" | "predictions" | "statistics" | "histogram" | "image";
/** Sentences to show where the data would be. */
export const problems = signal<Partial<Record<Source, string>>>({});
/** Counts up when the reader asks to try again. */
export const attempt = signal(0);

/** The run shown: the one asked for, or the one that was written last. */
export const currentRun = computed(() => {
  const known = runs.value?.runs ?? [];
  if (run.value !== null) return known.find((candidate) => candidate.run === run.value) ?? null;
  const readable = known.filter((candidate) => candidate.error === undefined);
  const times = readable.map((candidate) => candidate.last_wall_time ?? 0);
  return readable[times.indexOf(Math.max(...times))] ?? known[0] ?? null;
});

/** The facts of the run shown, as soon as they are here. */
export const info = computed(() => (runInfo.value?.run === currentRun.value?.run ? runInfo.value : null));

export const layers = computed(() => info.value?.manifest.layers ?? []);

/** The layer shown: the one asked for, else the first with feature maps. */
export const currentLayer = computed<Layer | null>(() => {
  const known = layers.value;
  const computing = known.filter((candidate) => candidate.role !== "input");
  return (
    known.find((candidate) => candidate.path === layer.value) ??
    computing.find((candidate) => candidate.shape?.length === 4) ??
    computing[0] ??
    known[0] ??
    null
  );
});

/** Without the inputs, as the line in the terminal counts them. */
export const layerCount = computed(() => layers.value.filter((candidate) => candidate.role !== "input").length);

export const inputLayer = computed(() => layers.value.find((candidate) => candidate.role === "input") ?? null);

const healthSteps = computed(() =>
  info.value && health.value?.run === info.value.run ? health.value.series.steps : [],
);

/** The steps with pictures; in a run without any, those with statistics. */
export const steps = computed(() => {
  const pictured = info.value ? pictureSteps(info.value) : [];
  return pictured.length > 0 ? pictured : healthSteps.value;
});

/** Where statistics went on without pictures: after which step (null: there never was one), up to which, how often. */
export const pictureless = computed<{ after: number | null; upTo: number; steps: number } | null>(() => {
  if (!info.value) return null;
  const { lastStep, isSettled } = info.value;
  const after = pictureSteps(info.value).at(-1) ?? null;
  const later = healthSteps.value.filter((logged) => logged > (after ?? -1) && logged <= lastStep);
  return later.length >= (isSettled ? 1 : 2) ? { after, upTo: lastStep, steps: later.length } : null;
});

/** The step whose health is shown: following goes past the end of the pictures, so that NaN and Inf do not stay unseen. */
export const healthStep = computed(() =>
  follow.value && pictureless.value ? pictureless.value.upTo : currentStep.value,
);

/** How many of the logged steps have had pictures, as far as known. */
export const picturedCount = computed(() => (info.value?.logged ?? 0) - (pictureless.value?.steps ?? 0));

/** Sentences that the writer left for the reader. */
export const notes = computed(() => info.value?.manifest.notes ?? []);

export const currentStep = computed(() => shownStep(steps.value, step.value, follow.value));

export const sampleCount = computed(() =>
  Math.max(
    info.value?.manifest.labels.length ?? 0,
    shownPredictions.value?.series.shape[1] ?? 0,
    ...(info.value?.timelines.map((line) => line.samples) ?? []),
  ),
);
/** Predictions and their row of steps, at the current step or the last one before it. */
export const shownPredictions = computed(() => {
  const now = predictions.value;
  if (!now || now.run !== info.value?.run || currentStep.value === null) return null;
  return { series: now.series, index: indexAtOrBefore(now.series.steps, currentStep.value) };
});

export const currentSample = computed(() => Math.max(0, Math.min(sample.value, sampleCount.value - 1)));

/** The picture to show for a layer at the current step, or at the given one. */
export function imageKey(path: string, ofSample: number, atStep = currentStep.value): ImageKey | null {
  const line = info.value && timelineOf(info.value, path);
  if (!info.value || !line || atStep === null) return null;
  const index = indexAtOrBefore(line.steps, atStep);
  const [found, wallTime] = [line.steps[index], line.wall_times[index]];
  if (found === undefined || wallTime === undefined || line.samples === 0) return null;
  return { run: info.value.run, layer: path, sample: Math.min(ofSample, line.samples - 1), step: found, wallTime };
}

export const wantedPicture = computed(() =>
  currentLayer.value ? imageKey(currentLayer.value.path, currentSample.value) : null,
);

/** The layer of the picture on the screen, which trails the layer asked for until its picture is decoded. */
export const shownLayer = computed(
  () => layers.value.find((candidate) => candidate.path === picture.value?.layer) ?? null,
);

/** What can be selected: the channels drawn, or, of a layer without pictures, those that have statistics. */
const channels = computed<readonly number[]>(() => {
  if (picture.value) return picture.value.atlas.header.channels;
  return Array.from({ length: shownStatistics.value?.series.shape[1] ?? 0 }, (_, index) => index);
});

/** The selected channel, when the layer shown has it. */
export const currentChannel = computed(() => {
  const drawn = channels.value;
  if (channel.value === null || drawn.includes(channel.value)) return channel.value;
  return drawn[0] ?? null;
});

/** The values at the ends of the colour bar; null when each channel has its own. */
export const domain = computed(() =>
  scale.value === "layer" && picture.value ? layerRange(picture.value.atlas) : null,
);

/** What the screen is of: the picture, or, where there is none to wait for, what was asked for. */
export const shown = computed(() => {
  if (picture.value) return { run: picture.value.run, layer: picture.value.layer, step: picture.value.step };
  if (wantedPicture.value || !info.value || !currentLayer.value || currentStep.value === null) return null;
  return { run: info.value.run, layer: currentLayer.value.path, step: currentStep.value };
});

/** Statistics and their row of steps, when they are of the layer on the screen. */
export const shownStatistics = computed(() => {
  const [now, of] = [statistics.value, shown.value];
  if (!now || !of || now.run !== of.run || now.layer !== of.layer) return null;
  return { series: now.series, index: indexAtOrBefore(now.series.steps, of.step) };
});

export function select(path: string): void {
  batch(() => {
    layer.value = path;
    hover.value = null;
  });
}

export function goTo(asked: number): void {
  const found = nearest(steps.value, asked);
  if (found === null) return;
  batch(() => {
    follow.value = false;
    step.value = found;
  });
}

export function moveStep(by: number): void {
  const found = currentStep.value === null ? null : stepAway(steps.value, currentStep.value, by);
  if (found !== null && found !== currentStep.value) goTo(found);
}

export function setFollow(on: boolean): void {
  batch(() => {
    step.value = on ? null : currentStep.value;
    follow.value = on;
    if (on) playing.value = false;
  });
}

export function togglePlay(): void {
  batch(() => {
    playing.value = !playing.value;
    if (!playing.value) return;
    const last = steps.value.at(-1);
    // From the end there is nowhere to go but to the start.
    goTo(currentStep.value === last ? (steps.value[0] ?? 0) : (currentStep.value ?? 0));
  });
}

export function moveChannel(by: number): void {
  const drawn = channels.value;
  const index = currentChannel.value === null ? -1 : drawn.indexOf(currentChannel.value);
  const next = drawn[Math.max(0, Math.min(drawn.length - 1, index + by))];
  if (next !== undefined) channel.value = next;
}

export function moveLayer(by: number): void {
  const index = layers.value.findIndex((candidate) => candidate.path === currentLayer.value?.path);
  const next = layers.value[Math.max(0, Math.min(layers.value.length - 1, index + by))];
  if (next) select(next.path);
}

export function moveSample(by: number): void {
  sample.value = Math.max(0, Math.min(sampleCount.value - 1, currentSample.value + by));
}

export function report(source: Source, sentence: string | null): void {
  if ((problems.value[source] ?? null) === sentence) return;
  const next = { ...problems.value };
  if (sentence === null) delete next[source];
  else next[source] = sentence;
  problems.value = next;
}

export function retry(): void {
  batch(() => {
    problems.value = {};
    attempt.value++;
  });
}
