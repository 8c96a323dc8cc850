"""Logs: what one costs beside a bare forward pass of the same probe."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks import models
from benchmarks.machine import touch_memory
from benchmarks.timing import Cost, Spread, costs
from demo.train import build_model
from tb_activations import ActivationWriter

LEAST_STALL_SECONDS = 0.002
"""Small models may stall this long where it is more than 1.2 forward passes."""


@dataclasses.dataclass(frozen=True)
class LogCost:
    """forward, log: what they cost; megabytes: written per log, the first one's inputs and manifest included."""

    what: str
    forward: Cost
    log: Cost
    megabytes: float

    @property
    def stall(self) -> float:
        """In forward passes."""
        return self.log.wall / self.forward.wall

    @property
    def spread(self) -> Spread:
        """Of the stall in forward passes, over the rounds."""
        return Spread.of([log / bare for log, bare in zip(self.log.walls, self.forward.walls, strict=True)])

    @property
    def cpu(self) -> float:
        """Of all threads, in forward passes."""
        return self.log.cpu / self.forward.cpu

    @property
    def share_of_allowed(self) -> float:
        return self.log.wall / max(1.2 * self.forward.wall, LEAST_STALL_SECONDS)


def log_cost(
    what: str, model: keras.Model, probe: np.ndarray, repeats: int, layers: Any = None, jit_compile: bool = False
) -> LogCost:
    forward = models.bare_forward(model, jit_compile)
    with tempfile.TemporaryDirectory() as directory, ActivationWriter(directory, layers=layers) as writer:
        ways: dict[str, Callable[[int], object]] = {
            # A pass right after a log finds other things in the cache and in the allocator than one after a pass.
            "settle": lambda _: forward(probe).numpy(),
            "forward": lambda _: forward(probe).numpy(),
            "log": lambda step: writer.log(model, probe, step),
        }
        touch_memory()
        result = costs(ways, repeats, writer.flush)
        stats = writer.stats
    return LogCost(what, result["forward"], result["log"], stats.bytes_written / stats.logs / 1e6)


def targeted_costs(resnet: keras.Model, repeats: int) -> dict[str, LogCost]:
    """Of the models that have a target; small ones take four times as many rounds."""
    return {
        "resnet50_1": log_cost("ResNet50 224², batch 1", resnet, models.photo(1, 224), repeats),
        "resnet50_4": log_cost("ResNet50 224², batch 4", resnet, models.photo(4, 224), repeats),
        "transformer": log_cost(
            "transformer, 4 layers of 256, 128 tokens", models.transformer(), models.tokens(), 4 * repeats
        ),
        "demo_cnn": log_cost("demo CNN, batch 4", build_model(), models.photo(4, 28, 1), 4 * repeats),
    }


def further_costs(repeats: int) -> list[LogCost]:
    """XLA and mixed precision, each beside the same model without."""
    small, probe = models.small_resnet(), models.photo(4, 32)
    found = [log_cost("small ResNet 32², batch 4", small, probe, 4 * repeats)]
    small.compile(jit_compile=True)
    found.append(log_cost("the same, XLA (`jit_compile=True`)", small, probe, 4 * repeats, jit_compile=True))
    for policy in ("float32", "mixed_float16", "mixed_bfloat16"):
        what = f"ResNet50 96², batch 4, `{policy}`"
        found.append(log_cost(what, _resnet50_of(policy), models.photo(4, 96), repeats))
    return found


def _resnet50_of(policy: str) -> keras.Model:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return models.resnet50(96)
    finally:
        keras.config.set_dtype_policy(before)


def first_log(model: keras.Model) -> dict[str, float]:
    """The first log in first calls of a bare `tf.function(model)`, tracing included in both."""
    probe = models.photo(1, 224)
    # What only the process's first pass pays (thread pools, kernels) belongs to neither.
    model(probe, training=False)
    started = time.perf_counter()
    models.bare_forward(model)(tf.constant(probe)).numpy()
    bare = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as directory, ActivationWriter(directory) as writer:
        started = time.perf_counter()
        writer.log(model, probe, 0)
        log = time.perf_counter() - started
    return {"first_log": log / bare, "first_log_s": log, "first_call_s": bare}
