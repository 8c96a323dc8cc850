"""Arrays: histogram and statistics of 3.2 million values, beside NumPy's and TensorFlow's."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from benchmarks.timing import costs
from tb_activations.encode.histogram import histogram
from tb_activations.encode.statistics import channel_statistics

SHAPE = (4, 112, 112, 64)
"""3.2 million values, as a layer of a ResNet50 has for four samples."""
BINS = 64


def array_costs(repeats: int) -> dict[str, float]:
    """Milliseconds, and the histogram's extra memory in inputs."""
    values = np.random.default_rng(0).standard_normal(SHAPE, np.float32)
    limits = (float(values.min()), float(values.max()))
    with tempfile.TemporaryDirectory() as directory:
        file = tf.summary.create_file_writer(directory)
        tensor = tf.constant(values)

        def tensorflow(step: int) -> None:
            with file.as_default():
                tf.summary.histogram("values", tensor, step, buckets=BINS)

        result = costs(
            {
                "histogram": lambda _: histogram(values, BINS, limits, all_finite=True),
                "numpy": lambda _: np.histogram(values, BINS, limits),
                "tensorflow": tensorflow,
                "statistics": lambda _: channel_statistics(values, 3),
            },
            repeats,
            lambda: None,
        )
    found = {f"{name}_ms": cost.wall * 1e3 for name, cost in result.items()}
    for name, function in {
        "histogram": lambda: histogram(values, BINS, limits, all_finite=True),
        "numpy": lambda: np.histogram(values, BINS, limits),
        "statistics": lambda: channel_statistics(values, 3),
    }.items():
        found[f"{name}_memory"] = _peak(function) / values.nbytes
    return found


def _peak(function: Callable[[], object]) -> int:
    """Bytes that NumPy holds at most while it runs."""
    tracemalloc.start()
    function()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak
