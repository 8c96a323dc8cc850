"""The Keras hook: logs activations while `fit` runs."""

from __future__ import annotations

import datetime
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras

from tb_activations.announcement import summary
from tb_activations.cadence import Cadence
from tb_activations.cost import WriterStats
from tb_activations.options import check_flags
from tb_activations.probe import BATCH, check_probe
from tb_activations.steps import Steps
from tb_activations.training_batch import TrainingBatch
from tb_activations.writer import ActivationWriter


class ActivationLogger(keras.callbacks.Callback):
    """Log the activations of a model's layers for fixed probe inputs while it trains.

    >>> model.fit(x, y, epochs=10, callbacks=[ActivationLogger("runs/exp1", probe=x_val[:4])])  # doctest: +SKIP

    Then `tensorboard --logdir runs`, tab Activations. Steps are the optimizer's iterations, so that they are those of
    Keras' own TensorBoard callback.

    Args:
        log_dir: the directory TensorBoard looks at, or one below it; we write to `<log_dir>/<name>`.
        probe: the fixed inputs: an array [batch, …] as the model takes it, a list or dictionary for several inputs, a
            `tf.data.Dataset` (its first `samples` samples), or a callable that returns one of these, called once when
            training begins. A single sample without its batch axis is batched. "batch" takes the first `samples`
            samples of the training batch at hand: pictures of different steps then show different inputs and do not
            compare, and the state before training is not logged.
        labels: one string or integer per probe sample, shown beside it.
        class_names: names of the classes by id, for showing predictions; as in `ActivationWriter`.
        layers, exclude: which layers, as in `tb_activations.capture`; default: every layer that computes something.
        log_freq: "epoch" (default), an integer number of training batches, or a `datetime.timedelta`.
        log_ends: log the state before the first training step and the one after the last too; default True.
        verbose: print one line when training begins (what is logged, how often, where) and one when it ends (how much
            was logged, and how long training waited for it); default True.
        max_overhead: the share of training time that logging may take from it, e.g. 0.01; tracing counts. Logs that
            are due and would exceed it are left out, which is said once; those of `log_ends` are always taken.
        name, training, channels, input_image, samples, max_channels, max_size, histogram_bins, on_full, strict, keep:
            as in `ActivationWriter`.

    Raises:
        ValueError, TypeError: an option is out of range or of a wrong type, at once. When `fit` begins, before the
        first epoch: a probe that does not fit the model, a selection that matches nothing, labels that are not one
        per sample. While training runs, a fault warns once and training goes on; `strict=True` raises it.
    """

    async_safe = True
    """Tells Keras that it need not call `on_train_batch_end` in the training thread, which would first have to read
    every metric: 30 µs or more at each step."""

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        probe: Any,
        *,
        labels: Iterable[Any] | None = None,
        class_names: Sequence[str] | Mapping[int, str] | None = None,
        layers: Any = None,
        exclude: Any = None,
        log_freq: str | int | datetime.timedelta = "epoch",
        log_ends: bool = True,
        verbose: bool = True,
        name: str = "activations",
        training: bool = False,
        channels: Any = None,
        input_image: Any = None,
        samples: int = 4,
        max_channels: int | None = 64,
        max_size: int | None = 64,
        histogram_bins: int = 64,
        on_full: str = "wait",
        strict: bool = False,
        max_overhead: float | None = None,
        keep: float | str | None = None,
    ) -> None:
        super().__init__()
        check_probe(probe)
        check_flags(log_ends=log_ends, verbose=verbose)
        self._batch_probe = TrainingBatch(samples) if isinstance(probe, str) and probe == BATCH else None
        if self._batch_probe is not None and labels is not None:
            raise ValueError(
                f'labels belong to fixed samples, and probe="{BATCH}" shows others at every log. '
                f"Received: labels={labels!r}"
            )
        self._probe = probe
        self._cadence = Cadence(log_freq)
        self._log_ends = log_ends
        self._verbose = verbose
        self._writer_options: dict[str, Any] = {
            "log_dir": log_dir,
            # Kept, because each fit makes a writer; a single text is for the writer to refuse.
            "labels": labels if labels is None or isinstance(labels, (str, bytes)) else list(labels),
            "class_names": class_names,
            "layers": layers,
            "exclude": exclude,
            "name": name,
            "training": training,
            "channels": channels,
            "input_image": input_image,
            "samples": samples,
            "max_channels": max_channels,
            "max_size": max_size,
            "histogram_bins": histogram_bins,
            "on_full": on_full,
            "strict": strict,
            "max_overhead": max_overhead,
            "keep": keep,
        }
        # Not needed before training begins, but a wrong option is to be known before hours of preparing data.
        ActivationWriter(**self._writer_options)
        self._writer: ActivationWriter | None = None
        self._stats = WriterStats()
        self._last_step: int | None = None
        self._fitting = False
        self._steps: Steps | None = None
        self._lock = threading.Lock()
        self._last_batch = -1

    @property
    def stats(self) -> WriterStats:
        """What logging has cost, in this fit or, after it, in the last one."""
        return self._stats if self._writer is None else self._writer.stats

    def on_train_begin(self, logs: Any = None) -> None:
        # Each fit writes a file of its own: a new model's steps begin at 0 again. One that was interrupted did not end.
        if self._fitting:
            self.on_train_end()
        self._writer = ActivationWriter(**self._writer_options)
        self._fitting = True
        self._last_step = None
        if self._steps is None or self._steps.model is not self.model:
            self._steps = Steps(self.model)
        self._steps.begin()
        self._cadence.start()
        probe = self._probe
        if self._batch_probe is not None:
            self._batch_probe.attach(self.model)
            probe = self._batch_probe.placeholder
        plan = None if probe is None else self._writer.prepare(self.model, probe)
        if self._verbose and plan is not None:
            print(self._writer.announcement(plan, str(self._cadence)))
        # There is no batch yet that could be shown.
        if self._log_ends and self._batch_probe is None:
            self._log(required=True)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._last_batch = -1
        if self._steps is not None:
            self._steps.begin()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        # All before it are done, and training waits here whatever other callbacks there are.
        if batch > 0:
            self._after_batch(batch - 1)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        # Keras calls this on other threads, several at a time.
        with self._lock:
            self._last_batch = max(self._last_batch, batch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        # Nothing begins after an epoch's last batch. Keras has waited for its threads.
        if self._last_batch >= 0:
            self._after_batch(self._last_batch)
        if self._cadence.after_epoch():
            self._log()

    def _after_batch(self, batch: int) -> None:
        """batch: the last that is done in this epoch."""
        if self._steps is not None and self._cadence.after_batches(self._steps.after_batch(batch)):
            self._log()

    def on_train_end(self, logs: Any = None) -> None:
        if self._log_ends:
            self._log(required=True)
        self._fitting = False
        if self._batch_probe is not None:
            self._batch_probe.detach()
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()
            self._stats = writer.stats
            if self._verbose and self._stats.logs + self._stats.skipped + self._stats.left_out:
                print(summary(self._stats))

    def _log(self, required: bool = False) -> None:
        if self._writer is None or self._steps is None or self._steps.step == self._last_step:
            return
        step = self._steps.step
        # A function, so that what goes wrong with the batch is a fault of this log, and one made anew for each log,
        # because the writer keeps what a probe stands for.
        batch = self._batch_probe
        inputs = self._probe if batch is None else lambda: batch.inputs
        # Not self.model: when a fit was interrupted, the next one ends it, perhaps with another model.
        if self._writer.log(self._steps.model, inputs, step, required=required):
            self._last_step = step
