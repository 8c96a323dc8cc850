/** The plugin's routes (docs/http.md): the only place that fetches. */
import type { Atlas } from "./atlas";
import { decodeAtlas } from "./atlas";
import type { Series } from "./series";
import { decodeSeries } from "./series";

export interface RunSummary {
  run: string;
  digest: string | null;
  manifest_wall_time: number | null;
  last_step: number | null;
  last_wall_time: number | null;
  steps: number | null;
  error?: string;
}

export interface Runs {
  schema_version: number;
  data_location: string;
  total_runs: number;
  runs: RunSummary[];
}

export interface Layer {
  path: string;
  name: string;
  index: number | null;
  class_name: string;
  shape: (number | null)[] | null;
  dtype: string;
  parameters: number;
  activation: string | null;
  parents: string[];
  role: "input" | "layer" | "output";
}

/** Of which output the predictions are; empty when the model has none that scores classes. */
export interface Prediction {
  path?: string;
  classes?: number;
  activation?: string | null;
}

/** What logging has cost so far (docs/format.md); absent in logs of earlier versions, as every field may be. */
export interface Cost {
  logs?: number;
  skipped?: number;
  left_out?: number;
  bytes_written?: number;
  preparation_seconds?: number;
  stall_seconds?: number;
  closing_seconds?: number;
  background_seconds?: number;
  seconds?: number;
}

export interface Model {
  name?: string;
  class_name?: string;
  parameters?: number;
}

export interface Manifest {
  layers: Layer[];
  labels: string[];
  /** By class id; absent in logs of earlier versions, as `prediction` is. */
  class_names?: string[];
  prediction?: Prediction;
  skipped: Record<string, string>;
  /** Package versions by name. */
  writer?: Record<string, string>;
  /** Empty when the arrays came from no model. */
  model?: Model;
  options?: Record<string, unknown>;
  cost?: Cost;
  /** Sentences for the reader, such as that no more pictures are written. */
  notes?: string[];
}

export interface Timeline {
  steps: number[];
  wall_times: number[];
  samples: number;
}

export interface RunInfo {
  run: string;
  manifest: Manifest;
  logged: number;
  /** 0: all; null: whoever provides the data decides. */
  kept: number | null;
  timelines: Timeline[];
  /** Path → index into `timelines`; a layer whose pictures are not loaded yet is absent. */
  layers: Record<string, number>;
}

export interface ImageKey {
  run: string;
  layer: string;
  sample: number;
  step: number;
  wallTime: number;
}

/** A route's refusal; the message is a sentence for the reader. status: 0 when the server did not answer. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

function query(route: string, parameters: Record<string, string | number>): string {
  const pairs = Object.entries(parameters).map(([key, value]) => [key, String(value)]);
  return `${route}?${new URLSearchParams(pairs).toString()}`;
}

async function get(url: string, signal: AbortSignal, headers: Record<string, string> = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { signal, headers, cache: headers["If-None-Match"] ? "no-store" : "default" });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError("TensorBoard does not answer. Is it still running?", 0);
  }
  if (response.ok || response.status === 304) return response;
  let message = `TensorBoard answered ${response.status} ${response.statusText}.`;
  try {
    message = ((await response.json()) as { error: string }).error || message;
  } catch {
    // A proxy in between may answer with a page of its own; the status has to do.
  }
  throw new ApiError(message, response.status);
}

/** The runs, and the tag to ask again with; null when nothing changed since `etag`. */
export async function fetchRuns(
  etag: string | null,
  signal: AbortSignal,
): Promise<{ runs: Runs; etag: string | null } | null> {
  const response = await get("runs", signal, etag ? { "If-None-Match": etag } : {});
  if (response.status === 304) return null;
  return { runs: (await response.json()) as Runs, etag: response.headers.get("ETag") };
}

export async function fetchRun(run: string, signal: AbortSignal): Promise<RunInfo> {
  return (await (await get(query("run", { run }), signal)).json()) as RunInfo;
}

async function series(url: string, signal: AbortSignal): Promise<Series> {
  return decodeSeries(await (await get(url, signal)).arrayBuffer());
}

export const fetchHealth = (run: string, signal: AbortSignal) => series(query("health", { run }), signal);

export const fetchPredictions = (run: string, signal: AbortSignal) => series(query("predictions", { run }), signal);

export const fetchStatistics = (run: string, layer: string, signal: AbortSignal) =>
  series(query("statistics", { run, layer }), signal);

export const fetchHistogram = (run: string, layer: string, signal: AbortSignal) =>
  series(query("histogram", { run, layer }), signal);

/** Decoded pictures to keep, in bytes: a run of a hundred steps at the default caps. */
const CACHE_BYTES = 64 << 20;

interface Pending {
  atlas: Promise<Atlas>;
  controller: AbortController;
  waiting: number;
  /** Of the decoded picture; 0 until it is there. */
  bytes: number;
}

// Insertion order is the order of last use: a Map that deletes its first key is an LRU cache.
const pictures = new Map<string, Pending>();

function evict(): void {
  let total = 0;
  for (const { bytes } of pictures.values()) total += bytes;
  for (const [url, { bytes }] of pictures) {
    if (total <= CACHE_BYTES) return;
    // A picture still under way has someone waiting for it.
    if (bytes > 0) pictures.delete(url);
    total -= bytes;
  }
}

function start(url: string): Pending {
  const controller = new AbortController();
  const pending: Pending = {
    controller,
    waiting: 0,
    bytes: 0,
    atlas: get(url, controller.signal)
      .then((response) => response.arrayBuffer())
      .then((bytes) => decodeAtlas(new Uint8Array(bytes))),
  };
  pending.atlas.then(
    (atlas) => {
      pending.bytes = atlas.codes.length;
      evict();
    },
    () => pictures.get(url) === pending && pictures.delete(url),
  );
  return pending;
}

/** A decoded atlas. The request is shared, and given up when the last one who waits for it aborts. */
export async function fetchAtlas(key: ImageKey, signal: AbortSignal): Promise<Atlas> {
  signal.throwIfAborted();
  const { run, layer, sample, step, wallTime } = key;
  const url = query("image", { run, layer, sample, step, wall_time: wallTime });
  const pending = pictures.get(url) ?? start(url);
  pictures.delete(url);
  pictures.set(url, pending);
  pending.waiting++;
  const leave = () => {
    if (--pending.waiting === 0 && pending.bytes === 0) {
      pictures.delete(url);
      pending.controller.abort();
    }
  };
  signal.addEventListener("abort", leave, { once: true });
  try {
    const atlas = await pending.atlas;
    signal.throwIfAborted();
    return atlas;
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
