"""The Keras hook: logs activations while `fit` runs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from tb_activations.writer import ActivationWriter


class ActivationLogger(keras.callbacks.Callback):
    """Log the activations of a model's layers for fixed probe inputs while it trains.

    >>> model.fit(x, y, epochs=10, callbacks=[ActivationLogger("runs/exp1", probe=x_val[:4])])  # doctest: +SKIP

    Then `tensorboard --logdir runs`, tab Activations. Steps are the optimizer's iterations. The state before the
    first training step and the one after the last are logged too.

    Args:
        log_dir: the directory TensorBoard looks at, or one below it; we write to `<log_dir>/<name>`.
        probe: the fixed inputs, [batch, …] as the model takes them; a list or dictionary for several inputs.
        labels: one string or integer per probe sample, shown beside it.
        layers, exclude: which layers, as in `tb_activations.capture`; default: every layer that computes something.
        log_freq: "epoch" (default), or an integer number of training batches.
        name, training, max_channels, max_size, histogram_bins, on_full, strict: as in `ActivationWriter`.

    Raises:
        ValueError, TypeError: an option is out of range or of a wrong type, at once. While training runs, a fault
        warns once and training goes on; `strict=True` raises it.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        probe: Any,
        *,
        labels: Iterable[Any] | None = None,
        layers: Any = None,
        exclude: Any = None,
        log_freq: str | int = "epoch",
        name: str = "activations",
        training: bool = False,
        max_channels: int | None = 64,
        max_size: int | None = 64,
        histogram_bins: int = 64,
        on_full: str = "wait",
        strict: bool = False,
    ) -> None:
        super().__init__()
        if probe is None:
            raise ValueError("probe must hold the inputs to show activations for, e.g. probe=x_val[:4]. Received: None")
        self._probe = probe
        self._every = _batches_between_logs(log_freq)
        self._writer_options: dict[str, Any] = {
            "log_dir": log_dir,
            "labels": None if labels is None else list(labels),
            "layers": layers,
            "exclude": exclude,
            "name": name,
            "training": training,
            "max_channels": max_channels,
            "max_size": max_size,
            "histogram_bins": histogram_bins,
            "on_full": on_full,
            "strict": strict,
        }
        # Made here although it is needed later, so that a wrong option is known before hours of training.
        self._writer: ActivationWriter | None = ActivationWriter(**self._writer_options)
        self._last_step: int | None = None
        self._batch = 0
        self._batches_since_log = 0
        self._batches_seen = 0

    def on_train_begin(self, logs: Any = None) -> None:
        # Each fit writes a file of its own: a new model's steps begin at 0 again.
        self._writer = self._writer or ActivationWriter(**self._writer_options)
        self._last_step = None
        self._batches_since_log = 0
        self._log()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._batch = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        # With steps_per_execution, `batch` moves by several at a time.
        done = batch + 1 - self._batch
        self._batches_since_log += done
        self._batches_seen += done
        self._batch = batch + 1
        if self._every is not None and self._batches_since_log >= self._every:
            self._batches_since_log %= self._every
            self._log()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._every is None:
            self._log()

    def on_train_end(self, logs: Any = None) -> None:
        self._log()
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()

    def _log(self) -> None:
        step = self._step()
        if self._writer is not None and step != self._last_step:
            self._last_step = step
            self._writer.log(self.model, self._probe, step)

    def _step(self) -> int:
        optimizer = getattr(self.model, "optimizer", None)
        iterations = 0 if optimizer is None else int(optimizer.iterations.numpy())
        # A model with a train_step and optimizers of its own (a GAN, say) leaves this one at 0.
        return iterations or self._batches_seen


def _batches_between_logs(log_freq: Any) -> int | None:
    """None for "epoch"."""
    if isinstance(log_freq, str) and log_freq == "epoch":
        return None
    if isinstance(log_freq, (int, np.integer)) and not isinstance(log_freq, bool) and log_freq >= 1:
        return int(log_freq)
    raise ValueError(
        f'log_freq must be "epoch" or a positive integer number of training batches. Received: log_freq={log_freq!r}'
    )
