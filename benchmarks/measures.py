"""Measures: what a log costs, as ratios to a bare forward pass of the same probe in the same run."""

from __future__ import annotations

import tempfile
import time
import tracemalloc
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks import models
from benchmarks.timing import Cost, costs
from demo.train import build_model
from tb_activations import ActivationWriter
from tb_activations.encode.histogram import histogram

LEAST_STALL_SECONDS = 0.002
"""Small models may stall this long where it is more than 1.2 forward passes."""


def all_measures(repeats: int) -> dict[str, float]:
    """Measured value by key of `targets.TARGETS`."""
    found: dict[str, float] = {}
    resnet = models.resnet50()
    found["first_log"] = _first_log(resnet, models.photo(1, 224))
    for batch in (1, 4):
        result, megabytes = _log_costs(resnet, models.photo(batch, 224), repeats, peer=batch == 1)
        found[f"stall_resnet50_{batch}"] = result["log"].wall / result["forward"].wall
        if batch == 1:
            found["cpu"] = result["log"].cpu / result["forward"].cpu
            found["megabytes"] = megabytes
            found["peer_summaries"] = result["summaries"].wall / result["log"].wall
    tokens = np.random.default_rng(0).integers(0, 1000, (1, 128), np.int32)
    small = {"transformer": (models.transformer(), tokens), "demo_cnn": (build_model(), models.photo(4, 28, 1))}
    for name, (model, probe) in small.items():
        result, _ = _log_costs(model, probe, 4 * repeats)
        allowed = max(1.2 * result["forward"].wall, LEAST_STALL_SECONDS)
        found[f"stall_{name}"] = result["log"].wall / allowed
    return found | _histogram_costs(repeats)


def bare_forward(model: keras.Model) -> Any:
    """The traced model alone: what a log is compared with."""
    return tf.function(lambda x: model(x, training=False), autograph=False)


def _first_log(model: keras.Model, probe: np.ndarray) -> float:
    # What only the process's first pass pays (thread pools, kernels) belongs to neither.
    model(probe, training=False)
    started = time.perf_counter()
    bare_forward(model)(tf.constant(probe)).numpy()
    bare = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as directory, ActivationWriter(directory) as writer:
        started = time.perf_counter()
        writer.log(model, probe, 0)
        return (time.perf_counter() - started) / bare


def _log_costs(
    model: keras.Model, probe: np.ndarray, repeats: int, peer: bool = False
) -> tuple[dict[str, Cost], float]:
    """Costs of "forward", "log" and, if asked for, "summaries" (per layer, at our caps); MB written per log."""
    forward = bare_forward(model)
    with tempfile.TemporaryDirectory() as directory, ActivationWriter(directory) as writer:
        ways: dict[str, Any] = {
            "forward": lambda _: forward(probe).numpy(),
            "log": lambda step: writer.log(model, probe, step),
        }
        if peer:
            ways["summaries"] = _summaries(model, probe, directory + "/peer")
        result = costs(ways, repeats, writer.flush)
        stats = writer.stats
    return result, stats.bytes_written / stats.logs / 1e6


def _summaries(model: keras.Model, probe: np.ndarray, directory: str) -> Any:
    hidden = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    outputs = keras.Model(model.inputs, [layer.output for layer in hidden])
    file = tf.summary.create_file_writer(directory)

    def write(step: int) -> None:
        with file.as_default():
            for layer, values in zip(hidden, outputs(probe, training=False), strict=True):
                tf.summary.histogram(layer.name, values, step)
                if values.shape.rank == 4:
                    tf.summary.image(layer.name, tf.transpose(values[:1], (3, 1, 2, 0)), step, max_outputs=64)

    return write


def _histogram_costs(repeats: int) -> dict[str, float]:
    values = np.random.default_rng(0).standard_normal(3_200_000, np.float32)
    limits = (float(values.min()), float(values.max()))
    result = costs({"ours": lambda _: histogram(values, 64, limits)}, repeats, lambda: None)
    tracemalloc.start()
    histogram(values, 64, limits)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"histogram_ms": result["ours"].wall * 1e3, "histogram_memory": peak / values.nbytes}
