"""Fits: how much longer a real `fit` takes with the hook than without it."""

from __future__ import annotations

import dataclasses
import itertools
import json
import statistics
import sys
import tempfile
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks import models
from benchmarks.apart import measured_apart
from benchmarks.timing import Spread
from demo.train import BATCH_SIZE, build_model, digits
from tb_activations import ActivationLogger

STEPS = 2000
LOG_FREQ = 100
WARM_UP_STEPS = 100


@dataclasses.dataclass(frozen=True)
class FitCost:
    """In per cent beyond the mean of the bare fits before and after, slow_down: of the fits with the hook; steady: of
    the same less what is spent around the steps; noise: of the bare fits themselves. seconds: of a bare fit.

    In per cent of the fit with the hook, the time it holds training: around, before the first step and after the last
    (it traces, logs the first state, and waits for the last log to be written); logging, between steps; counting, after
    steps that are not logged. log_ms: one log between steps.
    """

    what: str
    steps: int
    seconds: float
    slow_down: Spread
    steady: Spread
    noise: Spread
    around: float
    logging: float
    counting: float
    log_ms: float


def fit_costs(pairs: int) -> dict[str, FitCost]:
    """Measured in a process of its own: in one that has run other models, fits differ by tens of per cent."""
    found = measured_apart("benchmarks.fits", str(pairs))
    spreads = ("slow_down", "steady", "noise")
    return {key: FitCost(**{**cost, **{name: Spread(*cost[name]) for name in spreads}}) for key, cost in found.items()}


def main() -> None:
    print(json.dumps({key: dataclasses.asdict(cost) for key, cost in _fit_costs(int(sys.argv[1])).items()}))


def _fit_costs(pairs: int) -> dict[str, FitCost]:
    (images, labels), _ = digits()
    small = models.small_resnet()
    small.compile(keras.optimizers.SGD(0.01, momentum=0.9), "sparse_categorical_crossentropy")
    own = _fit_cost("demo CNN, batch {batch}, its own", build_model(), images, labels, BATCH_SIZE, STEPS, pairs)
    large = _fit_cost("demo CNN, batch {batch}", build_model(), images, labels, 128, STEPS, pairs)
    crops, photos = models.photo_crops(4096)
    resnet = _fit_cost("small ResNet 32², batch {batch}", small, crops, photos, 32, STEPS, pairs)
    return {"fit_demo_cnn": own, "fit_demo_cnn_128": large, "fit_resnet": resnet}


def _fit_cost(
    what: str, model: keras.Model, x: np.ndarray, y: np.ndarray, batch: int, steps: int, pairs: int
) -> FitCost:
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=0).repeat()
    data = data.batch(batch, drop_remainder=True).prefetch(2)
    # With tf.data's autotuning a fit may end only when its thread next wakes: 10 ms × (2ⁿ - 1) after it began.
    options = tf.data.Options()
    options.autotune.enabled = False
    data = data.with_options(options)
    # Both ways once, short: what only the first fit of a process pays belongs to neither.
    _fit(model, data, WARM_UP_STEPS)
    _logged_fit(model, data, x[:4], WARM_UP_STEPS)
    bare = [_fit(model, data, steps)]
    logged: list[float] = []
    hooks: list[Timed] = []
    for _ in range(pairs):
        seconds, hook = _logged_fit(model, data, x[:4], steps)
        logged.append(seconds)
        hooks.append(hook)
        bare.append(_fit(model, data, steps))
    # Neighbours, because a machine is faster in one minute than in the next.
    beside = [(before + after) / 2 for before, after in itertools.pairwise(bare)]

    def beyond(seconds: list[float], usual: list[float]) -> Spread:
        return Spread.of([100 * (one / other - 1) for one, other in zip(seconds, usual, strict=True)])

    shares = [
        (100 * hook.around / seconds, 100 * hook.logging / seconds, 100 * hook.counting / seconds)
        for hook, seconds in zip(hooks, logged, strict=True)
    ]
    around, logging, counting = map(statistics.median, zip(*shares, strict=True))
    return FitCost(
        what.format(batch=batch),
        steps,
        statistics.median(bare),
        beyond(logged, beside),
        beyond([seconds - hook.around for seconds, hook in zip(logged, hooks, strict=True)], beside),
        beyond(bare[1:-1], [(before + after) / 2 for before, after in zip(bare, bare[2:], strict=False)]),
        around,
        logging,
        counting,
        1e3 * statistics.median(hook.logging / (steps // LOG_FREQ) for hook in hooks),
    )


class Timed(ActivationLogger):
    """The hook, with the seconds it holds training, as in `FitCost`."""

    around = 0.0
    logging = 0.0
    counting = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        started = time.perf_counter()
        super().on_train_begin(logs)
        self.around += time.perf_counter() - started

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        started = time.perf_counter()
        super().on_train_batch_begin(batch, logs)
        held = time.perf_counter() - started
        if batch % LOG_FREQ:
            self.counting += held
        else:
            self.logging += held

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        started = time.perf_counter()
        super().on_epoch_end(epoch, logs)
        self.logging += time.perf_counter() - started

    def on_train_end(self, logs: Any = None) -> None:
        started = time.perf_counter()
        super().on_train_end(logs)
        self.around += time.perf_counter() - started


def _fit(model: keras.Model, data: tf.data.Dataset, steps: int, callbacks: list[Any] | None = None) -> float:
    started = time.perf_counter()
    model.fit(data, steps_per_epoch=steps, verbose=0, callbacks=callbacks, shuffle=False)
    return time.perf_counter() - started


def _logged_fit(model: keras.Model, data: tf.data.Dataset, probe: np.ndarray, steps: int) -> tuple[float, Timed]:
    with tempfile.TemporaryDirectory() as directory:
        hook = Timed(directory, probe, log_freq=LOG_FREQ, verbose=False)
        return _fit(model, data, steps, [hook]), hook


if __name__ == "__main__":
    main()
