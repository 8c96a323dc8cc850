"""TensorBoard's data provider → typed values; the only module that knows the provider.

The provider is never asked for a file: it is what makes data servers and remote directories work. Two habits below
come from measurements. Its data server takes 44 ms for a call that is alone and under 1 ms for one in company, hence
the thread pool. And a listing is cheap while a read is not, hence caches that hold a read for as long as the listed
last step and last wall time stay what they were.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import json
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent import futures
from typing import Any, TypeVar

import grpc
import numpy as np
from tensorboard import errors
from tensorboard.data import provider

from tb_activations import schema
from tb_activations.plugin.cache import Cache
from tb_activations.plugin.results import (
    NotFoundError,
    RunManifest,
    Runs,
    RunSummary,
    Scope,
    Series,
    Timeline,
    Timelines,
    UnavailableError,
)

_EVERYTHING = 1_000_000
"""Downsampling limit: what TensorBoard keeps is far less. (0 would give nothing.)"""
_THREADS = 8
_PATIENCE_SECONDS = 0.002
_NUDGES = 5
_BLOB_TAGS = 512
"""How many tags' blob keys stay cached; about 25 kB each."""
_IMAGE_PREAMBLE = 2
"""An image summary starts with width and height."""
HISTOGRAM_COLUMNS = ("left", "right", "count")

_T = TypeVar("_T")
_Signature = tuple[int, float]
"""A series' last step and last wall time: when it is the same, so is the series."""


@dataclasses.dataclass(frozen=True)
class _Listing:
    data_location: str
    total_runs: int
    manifests: Mapping[str, _Signature]
    health: Mapping[str, Mapping[str, _Signature]]


_BlobKeys = Mapping[tuple[int, float], tuple[str, ...]]
"""(step, wall time) → one blob key per probe sample."""


class Reader:
    """What the routes ask. Every method raises NotFoundError, UnavailableError or (for a manifest) schema.SchemaError.

    data_provider: a `tensorboard.data.provider.DataProvider`. listing_seconds: for how long a listing of all runs is
    taken to be current, so that several tabs polling cost one listing.
    """

    def __init__(self, data_provider: Any, listing_seconds: float = 1.0) -> None:
        self._provider = data_provider
        self._listing_seconds = listing_seconds
        self._listings: dict[str, tuple[float, _Listing]] = {}
        self._listing_lock = threading.Lock()
        self._manifests: Cache[RunManifest | str] = Cache(2048)
        """Values are the manifest, or the sentence that says why it cannot be read."""
        self._step_counts: Cache[int] = Cache(2048)
        self._timelines: Cache[Timelines] = Cache(64)
        self._blob_keys: Cache[_BlobKeys] = Cache(_BLOB_TAGS)
        # Tasks in the pool never wait for other tasks in it, so it cannot lock up.
        self._pool = futures.ThreadPoolExecutor(_THREADS, thread_name_prefix="tb_activations")

    def has_activations(self, scope: Scope) -> bool:
        return bool(self._listing(scope).manifests)

    def runs(self, scope: Scope) -> Runs:
        """Every run with a manifest of ours; a manifest that cannot be read is told in its run's `error`."""
        listing = self._listing(scope)
        # All reads of all runs are under way before the first is waited for.
        pending = [
            (run, self._later_manifest(scope, run, listing), self._later_step_count(scope, run, listing))
            for run in sorted(listing.manifests)
        ]
        summaries = []
        for run, manifest_of, step_count_of in pending:
            logs = [*listing.health.get(run, {}).values()] or [listing.manifests[run]]
            try:
                manifest = manifest_of()
                summary = RunSummary(
                    run=run,
                    digest=manifest.digest,
                    manifest_wall_time=manifest.wall_time,
                    last_step=max(step for step, _ in logs),
                    last_wall_time=max(wall_time for _, wall_time in logs),
                    steps=step_count_of(),
                )
            # One broken or just deleted run must not hide the others.
            except (schema.SchemaError, NotFoundError) as error:
                summary = RunSummary(run, error=str(error))
            summaries.append(summary)
        return Runs(listing.data_location, listing.total_runs, tuple(summaries))

    def manifest(self, scope: Scope, run: str) -> RunManifest:
        listing = self._listing(scope)
        if run not in listing.manifests:
            raise NotFoundError(
                f"No activations are loaded for the run {run!r}.{_did_you_mean(run, listing.manifests)}"
            )
        return self._later_manifest(scope, run, listing)()

    def step_count(self, scope: Scope, run: str) -> int:
        """How many logged steps are known, 0 when no health is loaded."""
        return self._later_step_count(scope, run, self._listing(scope))()

    def timelines(self, scope: Scope, run: str, paths: Collection[str]) -> Timelines:
        """Which steps have pictures, for the layers at `paths`; a layer without any is absent."""
        path_of = {schema.image_tag(path): path for path in paths}
        signatures = self._promptly(scope, self._list_images, scope, run, path_of)
        key, signature = (scope.experiment, run), (tuple(paths), signatures)
        cached = self._timelines.get(key, signature)
        if cached is not None:
            return cached
        numbers: dict[Timeline, int] = {}
        layers = {}
        blob_keys = self._promptly(scope, self._read_blob_keys, scope, run, signatures) if signatures else {}
        for tag, path in path_of.items():
            keys = blob_keys.get(tag)
            if keys:
                steps, wall_times = zip(*keys, strict=True)
                timeline = Timeline(steps, wall_times, samples=len(keys[steps[-1], wall_times[-1]]))
                layers[path] = numbers.setdefault(timeline, len(numbers))
        return self._timelines.put(key, signature, Timelines(tuple(numbers), layers))

    def health(self, scope: Scope, run: str) -> Series:
        """float32 `[steps, layers, columns]`, rows in the manifest's order."""
        found = self.manifest(scope, run)
        tag = schema.health_tag(found.digest)
        columns = found.manifest.health_columns
        return self._series(scope, schema.HEALTH_PLUGIN_NAME, run, tag, np.dtype(np.float32), columns)

    def predictions(self, scope: Scope, run: str) -> Series:
        """float32 `[steps, samples, 2 * k]`: the k classes with the highest scores."""
        found = self.manifest(scope, run).manifest
        if not found.prediction:
            raise NotFoundError(f"The run {run!r} has no predictions: no output of its model is [batch, classes].")
        columns = schema.prediction_columns(min(schema.MAX_PREDICTIONS, int(found.prediction.get("classes", 0))))
        return self._series(scope, schema.PLUGIN_NAME, run, schema.PREDICTIONS_TAG, np.dtype(np.float32), columns)

    def statistics(self, scope: Scope, run: str, layer: str) -> Series:
        """float32 `[steps, channels, columns]`."""
        manifest = self._manifest_with(scope, run, layer)
        tag, columns = schema.statistics_tag(layer), manifest.statistics_columns
        return self._series(scope, schema.PLUGIN_NAME, run, tag, np.dtype(np.float32), columns, complete=False)

    def histogram(self, scope: Scope, run: str, layer: str) -> Series:
        """float64 `[steps, bins, 3]`: left edge, right edge, count."""
        self._manifest_with(scope, run, layer)
        tag = schema.histogram_tag(layer)
        plugin = schema.HISTOGRAMS_PLUGIN_NAME
        return self._series(scope, plugin, run, tag, np.dtype(np.float64), HISTOGRAM_COLUMNS)

    def image(self, scope: Scope, run: str, layer: str, sample: int, step: int, wall_time: float) -> bytes:
        """The atlas PNG that was logged at this step and wall time, and no other.

        A blob key says nothing of the wall time, and a run that is deleted and logged anew uses the same keys again.
        So a key from the cache counts only while the tag's listing is what it was when the key was read.
        """
        tag = schema.image_tag(layer)
        moment = (step, wall_time)
        cached = self._blob_keys.entry((scope.experiment, run, tag))
        if cached is not None:
            signature, keys = cached
            samples = keys.get(moment, ())
            blob = self._pool.submit(self._read_blob, scope, samples[sample]) if sample < len(samples) else None
            if self._promptly(scope, self._list_images, scope, run, {tag}).get(tag) == signature:
                if blob is None:
                    raise _no_picture(run, layer, sample, step)
                return blob.result()
        signatures = self._list_images(scope, run, {tag})
        keys = self._read_blob_keys(scope, run, signatures).get(tag, {}) if signatures else {}
        samples = keys.get(moment, ())
        if sample >= len(samples):
            raise _no_picture(run, layer, sample, step)
        return self._promptly(scope, self._read_blob, scope, samples[sample])

    def _promptly(self, scope: Scope, call: Callable[..., _T], *arguments: Any) -> _T:
        """The call's answer, without the data server's 44 ms.

        Its network stack holds a small packet back until the client has acknowledged the one before, which the client
        puts off for 40 ms unless it has something to send. So we send something: a cheap call, whose answer or fault
        is of no interest.
        """
        pending = self._pool.submit(call, *arguments)
        for _ in range(_NUDGES):
            if futures.wait([pending], _PATIENCE_SECONDS).done:
                break
            self._pool.submit(self._provider.experiment_metadata, scope.context, experiment_id=scope.experiment)
        return pending.result()

    def _manifest_with(self, scope: Scope, run: str, layer: str) -> schema.Manifest:
        manifest = self.manifest(scope, run).manifest
        paths = [info.path for info in manifest.layers]
        if layer not in paths:
            raise NotFoundError(f"The run {run!r} has no layer {layer!r}.{_did_you_mean(layer, paths)}")
        return manifest

    def _listing(self, scope: Scope) -> _Listing:
        # The lock is held while listing, so that requests arriving together share one answer.
        with self._listing_lock:
            known = self._listings.get(scope.experiment)
            if known is not None and time.monotonic() < known[0]:
                return known[1]
            listing = self._list_everything(scope)
            self._listings[scope.experiment] = (time.monotonic() + self._listing_seconds, listing)
            return listing

    def _list_everything(self, scope: Scope) -> _Listing:
        target = {"experiment_id": scope.experiment}

        def call(method: Callable[..., Any], **arguments: Any) -> Any:
            with _own_errors():
                return method(scope.context, **target, **arguments)

        metadata = self._pool.submit(call, self._provider.experiment_metadata)
        runs = self._pool.submit(call, self._provider.list_runs)
        manifests = self._pool.submit(
            call,
            self._provider.list_tensors,
            plugin_name=schema.PLUGIN_NAME,
            run_tag_filter=provider.RunTagFilter(tags=[schema.MANIFEST_TAG]),
        )
        health = call(
            self._provider.list_tensors,
            plugin_name=schema.HEALTH_PLUGIN_NAME,
            run_tag_filter=provider.RunTagFilter(),
        )
        manifest_signatures = {run: _signatures(tags) for run, tags in manifests.result().items()}
        return _Listing(
            data_location=metadata.result().data_location,
            total_runs=len(runs.result()),
            manifests={run: tags[schema.MANIFEST_TAG] for run, tags in manifest_signatures.items() if tags},
            health={run: _signatures(tags) for run, tags in health.items()},
        )

    def _later_manifest(self, scope: Scope, run: str, listing: _Listing) -> Callable[[], RunManifest]:
        key, signature = (scope.experiment, run), listing.manifests[run]
        cached = self._manifests.get(key, signature)
        # One read per run: in a common one, a tensor that cannot be decoded would take every run down.
        pending = self._pool.submit(self._read_manifest, scope, run) if cached is None else None

        def manifest() -> RunManifest:
            found = cached
            if pending is not None:
                try:
                    found = pending.result()
                except schema.SchemaError as error:
                    # Kept as well, so that every poll does not read it again.
                    found = str(error)
                self._manifests.put(key, signature, found)
            if not isinstance(found, RunManifest):
                raise schema.SchemaError(found)
            return found

        return manifest

    def _read_manifest(self, scope: Scope, run: str) -> RunManifest:
        data = self._read_tensors(scope, schema.PLUGIN_NAME, run, [schema.MANIFEST_TAG]).get(schema.MANIFEST_TAG)
        if not data:
            raise NotFoundError(f"The manifest of the run {run!r} is not there any more.")
        newest = max(data, key=lambda datum: (datum.wall_time, datum.step))
        texts = newest.numpy.ravel()
        if texts.size != 1 or not isinstance(texts[0], (bytes, str)):
            raise schema.SchemaError(f"the manifest is not one string. Received: {newest.numpy.dtype} {texts.shape}")
        try:
            manifest = schema.Manifest.from_json(texts[0])
            # JSON for browsers has no NaN, Python's has.
            written = json.loads(texts[0], parse_constant=lambda _: None)
        except schema.SchemaError:
            raise
        except (TypeError, ValueError, AttributeError, KeyError, RecursionError) as error:
            raise schema.SchemaError(f"the manifest is not what the format says: {error!r}") from error
        digest = written.get("digest")
        return RunManifest(
            manifest=manifest,
            written=written,
            digest=digest if isinstance(digest, str) else manifest.digest,
            wall_time=newest.wall_time,
        )

    def _later_step_count(self, scope: Scope, run: str, listing: _Listing) -> Callable[[], int]:
        tags = listing.health.get(run)
        if not tags:
            return lambda: 0
        key = (scope.experiment, run)
        cached = self._step_counts.get(key, tags)
        if cached is not None:
            return lambda: cached

        def read() -> int:
            # A layer that came or went starts another series, so steps are counted over all of them.
            series = self._read_tensors(scope, schema.HEALTH_PLUGIN_NAME, run, tags)
            return self._step_counts.put(key, tags, len({datum.step for data in series.values() for datum in data}))

        return self._pool.submit(read).result

    def _read_tensors(self, scope: Scope, plugin: str, run: str, tags: Collection[str]) -> Mapping[str, list[Any]]:
        with _own_errors():
            try:
                result = self._provider.read_tensors(
                    scope.context,
                    experiment_id=scope.experiment,
                    plugin_name=plugin,
                    downsample=_EVERYTHING,
                    run_tag_filter=provider.RunTagFilter(runs=[run], tags=tags),
                )
            except (TypeError, ValueError) as error:
                raise schema.SchemaError(f"a tensor of the run {run!r} cannot be decoded: {error}") from error
            series: Mapping[str, list[Any]] = result.get(run, {})
            return series

    def _series(
        self,
        scope: Scope,
        plugin: str,
        run: str,
        tag: str,
        dtype: np.dtype[Any],
        columns: tuple[str, ...],
        complete: bool = True,
    ) -> Series:
        """complete: every column is written, rather than those that are not zero."""
        data = self._promptly(scope, self._read_tensors, scope, plugin, run, [tag]).get(tag, [])
        # Unsorted, and after a restart with a step twice: the later one counts.
        by_step = {datum.step: datum for datum in data if datum.numpy.dtype.kind in "fiu"}
        width = 0 if complete else len(columns)
        ordered = [(by_step[step], schema.with_zero_columns(by_step[step].numpy, width)) for step in sorted(by_step)]
        ordered = [(datum, table) for datum, table in ordered if table.shape == ordered[-1][1].shape]
        if not ordered:
            raise NotFoundError(f"{tag!r} of the run {run!r} is not loaded yet, or not there any more.")
        return Series(
            steps=tuple(int(datum.step) for datum, _ in ordered),
            wall_times=tuple(float(datum.wall_time) for datum, _ in ordered),
            values=np.stack([table for _, table in ordered], dtype=dtype, casting="unsafe"),
            columns=columns,
        )

    def _list_images(self, scope: Scope, run: str, tags: Collection[str]) -> Mapping[str, _Signature]:
        with _own_errors():
            listing = self._provider.list_blob_sequences(
                scope.context,
                experiment_id=scope.experiment,
                plugin_name=schema.IMAGES_PLUGIN_NAME,
                run_tag_filter=provider.RunTagFilter(runs=[run], tags=tags),
            )
        return _signatures(listing.get(run, {}))

    def _read_blob_keys(self, scope: Scope, run: str, signatures: Mapping[str, _Signature]) -> Mapping[str, _BlobKeys]:
        """By tag, steps ascending. Cached under the signatures, which the caller listed before."""
        with _own_errors():
            sequences = self._provider.read_blob_sequences(
                scope.context,
                experiment_id=scope.experiment,
                plugin_name=schema.IMAGES_PLUGIN_NAME,
                downsample=_EVERYTHING,
                run_tag_filter=provider.RunTagFilter(runs=[run], tags=signatures),
            )
        found = {}
        for tag, data in sequences.get(run, {}).items():
            by_step = {datum.step: datum for datum in data}
            keys = {
                (int(step), float(by_step[step].wall_time)): tuple(
                    reference.blob_key for reference in by_step[step].values[_IMAGE_PREAMBLE:]
                )
                for step in sorted(by_step)
            }
            found[tag] = self._blob_keys.put((scope.experiment, run, tag), signatures[tag], keys)
        return found

    def _read_blob(self, scope: Scope, blob_key: str) -> bytes:
        with _own_errors():
            try:
                return bytes(self._provider.read_blob(scope.context, blob_key=blob_key))
            except (errors.NotFoundError, errors.InvalidArgumentError, LookupError, ValueError) as error:
                # TensorBoard's Python loader answers an unknown key with whatever exception comes first.
                raise NotFoundError("This picture is gone: TensorBoard keeps a sample of the steps.") from error


def _signatures(tags: Mapping[str, Any]) -> dict[str, _Signature]:
    """Without the tags that hold nothing (any more)."""
    return {
        tag: (int(series.max_step), float(series.max_wall_time))
        for tag, series in tags.items()
        if series.max_step is not None
    }


def _no_picture(run: str, layer: str, sample: int, step: int) -> NotFoundError:
    return NotFoundError(
        f"There is no picture of {layer!r}, sample {sample}, at step {step} of the run {run!r} (any more): TensorBoard "
        "keeps a sample of the steps. Reload to see the ones it has; --activations_steps=N keeps more."
    )


def _did_you_mean(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


@contextlib.contextmanager
def _own_errors() -> Iterator[None]:
    """Turns what a provider raises into NotFoundError and UnavailableError."""
    try:
        yield
    except (NotFoundError, schema.SchemaError):
        raise
    except (errors.NotFoundError, errors.InvalidArgumentError) as error:
        raise NotFoundError(f"TensorBoard's data provider has no such data. {error}") from error
    except grpc.RpcError as error:
        reason = f"{error.code().name}: {error.details()}" if isinstance(error, grpc.Call) else str(error)
        raise UnavailableError(f"TensorBoard's data provider did not answer ({reason}). Is it running?") from error
    # KeyError, RuntimeError: the Python loader changes its tables while they are being read.
    except (errors.PublicError, KeyError, RuntimeError) as error:
        raise UnavailableError(f"TensorBoard's data provider failed ({error!r}). Try again in a moment.") from error
