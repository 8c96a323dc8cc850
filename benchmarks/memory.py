"""Memory: how far a log of ResNet50 raises the process's peak, measured in a process that has done nothing else.

`one`: single logs, each written before the next. `burst`: logs as fast as the caller can make them, so that the queue
is full.
"""

from __future__ import annotations

import functools
import json
import sys
import tempfile
from collections.abc import Callable

import keras
import numpy as np

from benchmarks import models
from benchmarks.linux_memory import forget_peak, peak_resident_bytes, resident_bytes
from tb_activations import ActivationWriter, capture
from tb_activations.writer import DEFAULT_QUEUE_BYTES

LOGS = 5
BURST = 20


def main() -> None:
    measure = {"one": single_logs, "burst": burst_of_logs}[sys.argv[1]]
    model = models.resnet50()
    print(json.dumps(measure(model)))


def single_logs(model: keras.Model) -> dict[str, float]:
    """Peak of a log of batch 4 over what the process holds after bare passes, in bytes of the activations."""
    probe = models.photo(4, 224)
    with tempfile.TemporaryDirectory() as directory, ActivationWriter(directory) as writer:
        before = _ready(model, probe, writer)
        forward = models.bare_forward(model)
        forward(probe).numpy()
        bare = _peak(lambda: forward(probe).numpy()) - before

        def log(step: int) -> None:
            writer.log(model, probe, step)
            writer.flush()

        peaks = [_peak(functools.partial(log, step)) - before for step in range(LOGS)]
    activations = _bytes_of(model, probe)
    return {
        "peak_memory": max(peaks) / activations,
        "activations_mb": activations / 1e6,
        "peak_mb": max(peaks) / 1e6,
        "forward_peak_mb": bare / 1e6,
    }


def burst_of_logs(model: keras.Model) -> dict[str, float]:
    """Peak of logs of batch 1 in a row, in bytes of the queue's limit, the log being captured and the one written."""
    probe = models.photo(1, 224)
    with tempfile.TemporaryDirectory() as directory, ActivationWriter(directory) as writer:
        before = _ready(model, probe, writer)

        def burst() -> None:
            for step in range(BURST):
                writer.log(model, probe, step)

        peak = _peak(burst) - before
    activations = _bytes_of(model, probe)
    return {
        "queue_memory": peak / (DEFAULT_QUEUE_BYTES + 2 * activations),
        "queue_peak_mb": peak / 1e6,
        "queue_limit_mb": DEFAULT_QUEUE_BYTES / 1e6,
        "queue_log_mb": activations / 1e6,
        "queue_logs": BURST,
    }


def _ready(model: keras.Model, probe: np.ndarray, writer: ActivationWriter) -> int:
    """Bytes that the process holds anyway, once the model has run and the writer is prepared."""
    forward = models.bare_forward(model)
    for _ in range(3):
        forward(probe).numpy()
    writer.prepare(model, probe)
    return resident_bytes()


def _peak(action: Callable[[], object]) -> int:
    forget_peak()
    action()
    return peak_resident_bytes()


def _bytes_of(model: keras.Model, probe: np.ndarray) -> int:
    captured = capture(model, probe)
    return sum(array.nbytes for array in (*captured.values(), *captured.inputs.values()))


if __name__ == "__main__":
    main()
