"""Run file: what a run's event file holds so far, and how one more log is encoded and added to it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary

import tb_activations
from tb_activations import events, schema
from tb_activations.budget import Budget
from tb_activations.capture import Capture
from tb_activations.channels import Pick
from tb_activations.cost import WriterStats
from tb_activations.encode import EncodedLayer, Limits, encode_layer, health_row
from tb_activations.encode.predictions import top_predictions
from tb_activations.encoded_inputs import EncodedInputs
from tb_activations.schema import LayerInfo, Manifest

_MANIFEST_SECONDS = 60.0
"""How old the costs in the manifest may grow: a ResNet50's manifest takes 60 kB."""
_FILE_HEAD_BYTES = 1024
"""More than what a file begins with."""
_VERSIONS = {"tb_activations": tb_activations.__version__, "numpy": np.__version__}


@dataclasses.dataclass(frozen=True)
class Log:
    """One log on its way through the queue. channels: path → which are drawn; pictures: input path → what is drawn in
    its place."""

    step: int
    wall_time: float
    layers: tuple[LayerInfo, ...]
    arrays: dict[str, np.ndarray]
    """Emptied while the log is written, so that each activation is freed as soon as it is encoded."""
    source: Capture | None
    channels: Mapping[str, Pick]
    pictures: Mapping[str, np.ndarray]
    required: bool = False

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.arrays.values())


@dataclasses.dataclass(frozen=True)
class _LayerValues:
    """What a log holds of one layer. images: as in `EncodedLayer`; pictures: these, unless they are written already."""

    info: LayerInfo
    images: tuple[bytes, ...]
    pictures: list[Summary.Value]
    tensors: list[Summary.Value]


class RunFile:
    """What a run's event file holds so far, and how one more log is added to it. Used by one thread at a time."""

    def __init__(
        self,
        directory: Path,
        limits: Limits,
        bins: int,
        labels: tuple[str, ...],
        class_names: tuple[str, ...],
        options: Mapping[str, Any],
        budget: Budget,
        cost: Callable[[], WriterStats],
        report: Callable[[str, Exception, str], None],
    ) -> None:
        self._directory = directory
        self._limits = limits
        self._bins = bins
        self._labels = labels
        self._class_names = class_names
        self._options = options
        self._budget = budget
        self._cost = cost
        self._report = report
        self._file: events.EventFile | None = None
        self._layers: dict[str, LayerInfo] = {}
        self._of_model: dict[str, Any] = {"writer": _VERSIONS}
        """The manifest's fields about the model."""
        self._written: Manifest | None = None
        """The manifest on the disk, without its costs."""
        self._manifest_due = 0.0
        self._last_step = 0
        self._channel_means: dict[str, np.ndarray] = {}
        self._encoded_inputs = EncodedInputs()
        self._inputs_written: dict[str, tuple[bytes, ...]] = {}

    @property
    def bytes_written(self) -> int:
        return 0 if self._file is None else self._file.bytes_written

    def write(self, log: Log, freed: Callable[[int], None] = lambda _: None) -> bool:
        """Add a log, taking each array out of it and telling `freed` its bytes once it is encoded.

        False when the byte budget does not allow it; the file then holds nothing of it.
        """
        if self._budget.is_used_up and not log.required:
            return False
        manifest = self._manifest(log)
        layers: list[_LayerValues] = []
        health = np.full((len(manifest.layers), len(manifest.health_columns)), np.nan)
        for row, info in enumerate(manifest.layers):
            if info.path not in log.arrays:
                continue
            nbytes = log.arrays[info.path].nbytes
            try:
                values, health[row] = self._layer_values(log, info)
                layers.append(values)
            except Exception as error:
                self._report(f"layer {info.path!r} at step {log.step} was left out", error, info.path)
            freed(nbytes)
        whole = [events.tensor_value(schema.health_tag(manifest.digest), schema.HEALTH_PLUGIN_NAME, health)]
        prediction = None if log.source is None else log.source.prediction
        if prediction is not None:
            top = top_predictions(prediction.scores)
            whole.append(events.tensor_value(schema.PREDICTIONS_TAG, schema.PLUGIN_NAME, top))
        batches = self._within_budget(log, manifest, layers, whole)
        if batches is None:
            # So that the tab tells why nothing comes any more; there is room for it, once.
            if self._written is not None and self._written.notes != tuple(self._budget.notes):
                self._write_manifest(manifest, self._last_step, log.wall_time)
            return False
        self._look_after_file()
        # The file appears with the first log, so that a run that never logs leaves no empty run behind.
        if self._file is None:
            self._file = events.EventFile(self._directory)
        self._last_step = log.step
        manifest = dataclasses.replace(manifest, notes=tuple(self._budget.notes))
        if manifest != self._written or time.monotonic() >= self._manifest_due:
            self._write_manifest(manifest, log.step, log.wall_time)
        for batch in batches:
            self._file.write(log.step, log.wall_time, batch)
        self._file.flush()
        return True

    def _look_after_file(self) -> None:
        """A run directory that was deleted under us begins anew: what is written to a deleted file is lost."""
        if self._file is None or self._file.path.exists():
            return
        lost = FileNotFoundError(f"{self._file.path} is not there any more")
        self._report("the run was deleted while it was written, and begins anew in a new file", lost, "")
        self._file.close()
        self._file, self._written = None, None
        self._inputs_written.clear()

    def _within_budget(
        self, log: Log, manifest: Manifest, layers: list[_LayerValues], whole: list[Summary.Value]
    ) -> list[list[Summary.Value]] | None:
        """The log's values, a list per event: with pictures or, where they would be too much, without; None when the
        budget allows neither."""
        for pictures in (True, False) if any(layer.pictures for layer in layers) else (False,):
            batches = [[*layer.pictures, *layer.tensors] if pictures else layer.tensors for layer in layers]
            batches.append(whole)
            # Without a budget nobody needs to know.
            size = _most_bytes(manifest, batches) if self._budget.is_limited else 0
            if self._budget.allows(size, self.bytes_written, log.step, pictures=pictures, required=log.required):
                if pictures:
                    inputs = {layer.info.path: layer.images for layer in layers if layer.info.role == "input"}
                    self._inputs_written.update(inputs)
                return batches
        return None

    def _layer_values(self, log: Log, info: LayerInfo) -> tuple[_LayerValues, np.ndarray]:
        """What is written of one layer, and its row of health."""
        encoded = self._encoded(log, info)
        pictures: list[Summary.Value] = []
        # A probe's inputs are the same at every log: their pictures would fill the disk with copies.
        if encoded.images and self._inputs_written.get(info.path) != encoded.images:
            tag = schema.image_tag(info.path)
            pictures.append(events.image_value(tag, encoded.width, encoded.height, encoded.images))
        tensors = [
            events.histogram_value(schema.histogram_tag(info.path), encoded.histogram),
            events.tensor_value(
                schema.statistics_tag(info.path),
                schema.PLUGIN_NAME,
                schema.without_zero_columns(encoded.statistics.channels),
            ),
        ]
        row = health_row(encoded.statistics, self._channel_means.get(info.path))
        # A copy, or each layer's whole table would stay.
        self._channel_means[info.path] = encoded.statistics.column("mean").copy()
        return _LayerValues(info, encoded.images, pictures, tensors), row

    def _encoded(self, log: Log, info: LayerInfo) -> EncodedLayer:
        """Of the layer's array, which is taken out of the log."""
        array = np.asarray(log.arrays.pop(info.path))
        channels, picture = log.channels.get(info.path), log.pictures.get(info.path)
        draw = self._budget.draws or log.required

        def encode() -> EncodedLayer:
            return encode_layer(info, array, self._limits, self._bins, channels, picture, draw)

        if info.role == "input":
            return self._encoded_inputs.of(info.path, array, picture, (channels, draw), encode)
        return encode()

    def _write_manifest(self, manifest: Manifest, step: int, wall_time: float) -> None:
        assert self._file is not None
        self._written = dataclasses.replace(manifest, notes=tuple(self._budget.notes))
        self._manifest_due = time.monotonic() + _MANIFEST_SECONDS
        cost = {name: round(value, 6) for name, value in dataclasses.asdict(self._cost()).items()}
        self._file.write(step, wall_time, [events.manifest_value(dataclasses.replace(self._written, cost=cost))])

    def _manifest(self, log: Log) -> Manifest:
        # Layers are only ever added: logs of different parts of a model belong to one run.
        self._layers.update({info.path: info for info in log.layers})
        source = log.source
        # A log of plain arrays does not forget what is known of the model.
        if source is not None:
            self._of_model = {
                "prediction": _prediction_facts(source),
                "skipped": dict(source.skipped),
                "model": dict(source.model),
                "writer": {**_VERSIONS, **source.framework},
            }
        return Manifest(
            layers=tuple(self._layers.values()),
            labels=self._labels,
            class_names=self._class_names,
            options=self._options,
            **self._of_model,
        )

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush(to_disk=True)

    def close(self) -> None:
        """Say once more what it has cost, now that all of it is known."""
        if self._file is None:
            return
        try:
            if self._written is not None:
                self._write_manifest(self._written, self._last_step, time.time())
        finally:
            self._file.close()


def _most_bytes(manifest: Manifest, batches: list[list[Summary.Value]]) -> int:
    """What a log takes, and the manifests that a run may still need: one with this log, one that says that the budget
    is used up, and the last one, with the final costs."""
    manifests = 3 * (events.most_bytes([events.manifest_value(manifest)]) + _FILE_HEAD_BYTES)
    return manifests + sum(map(events.most_bytes, batches))


def _prediction_facts(source: Capture) -> dict[str, Any]:
    if source.prediction is None:
        return {}
    layer, scores = source.prediction.layer, source.prediction.scores
    activation = layer.activation or _ACTIVATION_LAYERS.get(layer.class_name)
    return {"path": layer.path, "classes": scores.shape[1], "activation": activation}


_ACTIVATION_LAYERS = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
"""Layers, and operations such as `keras.ops.softmax`, that are the activation rather than have one."""


def as_log(
    activations: Mapping[str, np.ndarray], step: int, pictures: Mapping[str, np.ndarray], required: bool = False
) -> Log:
    """Raises TypeError for what is not a mapping of names to arrays."""
    if not isinstance(activations, Mapping):
        raise TypeError(
            "activations must be a mapping of name to array [batch, …], e.g. what tb_activations.capture returns. "
            f"Received: {type(activations).__name__}"
        )
    if isinstance(activations, Capture):
        layers = tuple({info.path: info for info in (*activations.input_layers, *activations.layers)}.values())
        arrays = {**activations.inputs, **activations}
        source, channels = activations.without_arrays(), activations.channels
        return Log(step, time.time(), layers, arrays, source, channels, pictures, required)
    arrays = {}
    for name, value in activations.items():
        if not isinstance(name, str) or not name:
            raise TypeError(f"activations must have non-empty strings as names. Received: {name!r}")
        arrays[name] = np.asarray(value)
    layers = tuple(
        LayerInfo(path=name, name=name, shape=(None, *array.shape[1:]), dtype=str(array.dtype))
        for name, array in arrays.items()
    )
    return Log(step, time.time(), layers, arrays, None, {}, pictures, required)
