"""Steps: how far a Keras model's training has come."""

from __future__ import annotations

from typing import Any

import keras


class Steps:
    """Counts one model's training, across several `fit` calls.

    A step is an iteration of the optimizer, so that it is that of Keras' own TensorBoard callback. An iteration need
    not be a batch: gradients may be accumulated over several, and a scaled loss that overflows makes none. Only a
    model with a `train_step` of its own that leaves its optimizer alone (a GAN, say) is counted in batches.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._has_own_train_step = type(model).train_step is not keras.Model.train_step
        self._counts_batches = False
        self._batches = 0
        self._iterations_seen = self._iterations()
        self._batch = 0

    @property
    def step(self) -> int:
        return self._batches if self._counts_batches else self._iterations()

    def begin(self) -> None:
        """To be called when an epoch begins, and when `fit` does."""
        self._batch = 0
        self._iterations_seen = self._iterations()

    def after_batch(self, batch: int) -> int:
        """How many batches are done since the last call; batch: the index in the epoch that Keras gives."""
        done = batch + 1 - self._batch
        # With steps_per_execution, `batch` moves by several at a time, and too far where an epoch's batches do not
        # come out even. The optimizer knows better where each batch is one iteration. It is asked only then, because
        # that takes a good part of a small model's step.
        if getattr(self.model, "steps_per_execution", 1) != 1 and not self._accumulates():
            iterations = self._iterations()
            done = iterations - self._iterations_seen or done
            self._iterations_seen = iterations
        self._batch = batch + 1
        self._batches += done
        # Settled by the first batch, or the count would jump back when the optimizer begins later.
        if self._has_own_train_step and self._batches == done:
            self._counts_batches = self._iterations() == 0
        return done

    def _iterations(self) -> int:
        optimizer = getattr(self.model, "optimizer", None)
        return 0 if optimizer is None else int(optimizer.iterations.numpy())

    def _accumulates(self) -> bool:
        optimizer = getattr(self.model, "optimizer", None)
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        return bool(getattr(optimizer, "gradient_accumulation_steps", None))
