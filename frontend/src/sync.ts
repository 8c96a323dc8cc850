/** Keeps the data signals in step with the state: the only place that asks `api` for anything. */
import { effect } from "@preact/signals";
import * as api from "./api";
import * as store from "./store";
import { stepAway, timelineOf } from "./steps";

const POLL_MS = 2000;
const PLAY_MS = 350;
const SETTLE_TRIES = 4;

/** Runs `task`, puts its error where the data would be, and gives back how to abandon it. */
function start(source: store.Source, task: (signal: AbortSignal) => Promise<void>): () => void {
  const controller = new AbortController();
  task(controller.signal).then(
    () => !controller.signal.aborted && store.report(source, null),
    (error: unknown) => {
      if (!controller.signal.aborted && !api.isAbort(error)) {
        store.report(source, error instanceof Error ? error.message : String(error));
      }
    },
  );
  return () => controller.abort();
}

function pollRuns(): void {
  let etag: string | null = null;
  effect(() => {
    void store.attempt.value;
    if (!store.visible.value) return;
    let abandon = () => {};
    const poll = () => {
      abandon();
      abandon = start("runs", async (signal) => {
        const answer = await api.fetchRuns(etag, signal);
        signal.throwIfAborted();
        store.now.value = Date.now() / 1000;
        if (!answer) return;
        etag = answer.etag;
        store.runs.value = answer.runs;
      });
    };
    poll();
    const timer = setInterval(poll, POLL_MS);
    return () => {
      clearInterval(timer);
      abandon();
    };
  });
}

function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("", "AbortError"));
    });
  });
}

/**
 * Loads until the answer is complete, a few times at most.
 *
 * TensorBoard loads a run's tags one after the other: a step can be known before all of its data are, and then nothing
 * in `runs` changes when they arrive.
 */
async function settle(source: store.Source, signal: AbortSignal, load: () => Promise<boolean>): Promise<void> {
  for (let left = SETTLE_TRIES; ; left--) {
    try {
      if ((await load()) || left === 0) return;
      store.report(source, null);
    } catch (error) {
      if (!(error instanceof api.ApiError) || error.status !== 404 || left === 0) throw error;
      if (left < SETTLE_TRIES) store.report(source, error.message);
    }
    await delay(POLL_MS, signal);
  }
}

/** Whether all layers' pictures have come as far as the run has. */
function isComplete(info: api.RunInfo, lastStep: number): boolean {
  const paths = info.manifest.layers.filter((layer) => layer.role !== "input").map((layer) => layer.path);
  return paths.every((path) => (timelineOf(info, path)?.steps.at(-1) ?? -1) >= lastStep);
}

/** Changes whenever a run has more to tell, or was logged anew. A string, so that equal states fetch once. */
function version(): string | null {
  const current = store.currentRun.value;
  if (!current || current.error !== undefined) return null;
  const { run, digest, manifest_wall_time, last_step, last_wall_time, steps } = current;
  return JSON.stringify([run, digest, manifest_wall_time, last_step, last_wall_time, steps, store.attempt.value]);
}

/** An effect that runs only when `key` changes, and not at all while it is null. */
function onChange(key: () => string | null, then: (key: string) => () => void): void {
  let last: string | null = null;
  let abandon = () => {};
  effect(() => {
    const now = key();
    if (now === last) return;
    last = now;
    abandon();
    abandon = now === null ? () => {} : then(now);
  });
}

function loadRun(): void {
  onChange(version, () => {
    const run = store.currentRun.peek()?.run ?? "";
    const lastStep = store.currentRun.peek()?.last_step ?? -1;
    const stopInfo = start("run", (signal) =>
      settle("run", signal, async () => {
        const info = await api.fetchRun(run, signal);
        signal.throwIfAborted();
        store.runInfo.value = { ...info, lastStep, isSettled: false };
        return isComplete(info, lastStep);
      }).then(() => {
        signal.throwIfAborted();
        if (store.runInfo.value) store.runInfo.value = { ...store.runInfo.value, isSettled: true };
      }),
    );
    const stopHealth = start("health", (signal) =>
      settle("health", signal, async () => {
        const series = await api.fetchHealth(run, signal);
        signal.throwIfAborted();
        store.health.value = { run, series };
        return true;
      }),
    );
    return () => {
      stopInfo();
      stopHealth();
    };
  });
}

function loadPredictions(): void {
  const key = () => (store.info.value?.manifest.prediction?.path === undefined ? null : version());
  onChange(key, () => {
    const run = store.currentRun.peek()?.run ?? "";
    const lastStep = store.currentRun.peek()?.last_step ?? -1;
    return start("predictions", (signal) =>
      settle("predictions", signal, async () => {
        const series = await api.fetchPredictions(run, signal);
        signal.throwIfAborted();
        store.predictions.value = { run, series };
        return (series.steps.at(-1) ?? -1) >= lastStep;
      }),
    );
  });
}

function loadLayer(): void {
  const key = () => {
    const [of, layer] = [version(), store.currentLayer.value];
    return of && layer && store.info.value ? JSON.stringify([of, layer.path]) : null;
  };
  onChange(key, () => {
    const run = store.currentRun.peek()?.run ?? "";
    const layer = store.currentLayer.peek()?.path ?? "";
    const isInput = store.currentLayer.peek()?.role === "input";
    const lastStep = store.currentRun.peek()?.last_step ?? -1;
    const stops = (["statistics", "histogram"] as const).map((source) =>
      start(source, (signal) =>
        settle(source, signal, async () => {
          const fetchSeries = source === "statistics" ? api.fetchStatistics : api.fetchHistogram;
          const series = await fetchSeries(run, layer, signal);
          signal.throwIfAborted();
          store[source].value = { run, layer, series };
          return isInput || (series.steps.at(-1) ?? -1) >= lastStep;
        }),
      ),
    );
    return () => stops.forEach((stop) => stop());
  });
}

function loadPicture(): void {
  effect(() => {
    // Another layer's picture would pass for that of a layer which has none.
    if (store.wantedPicture.value === null) store.picture.value = null;
  });
  const key = () => {
    const wanted = store.wantedPicture.value;
    return wanted && JSON.stringify([wanted, store.attempt.value]);
  };
  onChange(key, (wanted) => {
    const [image] = JSON.parse(wanted) as [api.ImageKey];
    return start("image", async (signal) => {
      const atlas = await api.fetchAtlas(image, signal);
      store.picture.value = { ...image, atlas };
      store.report("image", null);
      await Promise.all(neighbours(image).map((next) => api.fetchAtlas(next, signal).catch(() => undefined)));
    });
  });
}

/** The pictures that are likely to be wanted next. */
function neighbours(image: api.ImageKey): api.ImageKey[] {
  const ahead = store.playing.peek() ? [1, 2, 3, 4] : store.scrubbing.peek() ? [1, -1, 2, -2, 3, -3] : [1, -1];
  const steps = store.steps.peek();
  return ahead.flatMap((by) => {
    const step = stepAway(steps, image.step, by);
    const key = step === null ? null : store.imageKey(image.layer, image.sample, step);
    return key && key.step !== image.step ? [key] : [];
  });
}

function loadThumbnails(): void {
  const key = () => {
    const path = store.inputLayer.value?.path;
    if (path === undefined) return null;
    const keys = Array.from({ length: store.sampleCount.value }, (_, i) => store.imageKey(path, i));
    return JSON.stringify([keys.filter((image) => image !== null), store.attempt.value]);
  };
  onChange(key, (wanted) => {
    const controller = new AbortController();
    const [images] = JSON.parse(wanted) as [api.ImageKey[]];
    const found = new Map<number, Awaited<ReturnType<typeof api.fetchAtlas>>>();
    const one = async (image: api.ImageKey) => {
      const atlas = await api.fetchAtlas(image, controller.signal);
      found.set(image.sample, atlas);
    };
    // A missing thumbnail leaves its number; the picture in the middle is where a failure is told.
    void Promise.allSettled(images.map(one)).then(() => {
      if (!controller.signal.aborted) store.thumbnails.value = found;
    });
    return () => controller.abort();
  });
}

/** While playing, goes on once the step's picture is there, so that no step is skipped on a slow line. */
function play(): void {
  effect(() => {
    if (!store.playing.value || !store.visible.value) return;
    const wanted = store.wantedPicture.value;
    const shown = store.picture.value;
    const failed = store.problems.value.image !== undefined;
    if (wanted && !failed && (shown?.step !== wanted.step || shown.layer !== wanted.layer)) return;
    const atEnd = store.currentStep.value === store.steps.value.at(-1);
    const timer = setTimeout(() => {
      if (atEnd) store.playing.value = false;
      else store.moveStep(1);
    }, PLAY_MS);
    return () => clearTimeout(timer);
  });
}

export function synchronise(): void {
  pollRuns();
  loadRun();
  loadPredictions();
  loadLayer();
  loadPicture();
  loadThumbnails();
  play();
}
