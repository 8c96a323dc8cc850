"""Training batch: keeps the first samples of each batch that a Keras model trains on, as a probe."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf


class TrainingBatch:
    """While attached, `fit` notes the first `samples` inputs of each batch; the step's results stay bit-identical.

    The note is one assignment inside `train_step`. It always holds `samples` inputs, those of a smaller batch
    repeated, so that batches of one length make one trace. Inputs that cannot be noted leave training alone: asking
    for them says why.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._model: Any = None
        self._structure: Any = None
        self._variables: list[Any] | None = None
        self._own_step: Any = None
        self._fault: Exception | None = None

    def attach(self, model: Any) -> None:
        """To be called when `fit` has made its training function, in `on_train_begin`.

        Raises ValueError for training on several replicas, each of which has a batch of its own.
        """
        replicas = model.distribute_strategy.num_replicas_in_sync
        if replicas > 1:
            raise ValueError(
                f'probe="batch" needs training on one replica. Received: a model on {replicas}. '
                "Give fixed inputs instead, e.g. probe=x_val[:4]"
            )
        train_step = model.train_step

        def noting_step(data: Any) -> Any:
            try:
                self._note(keras.utils.unpack_x_y_sample_weight(data)[0])
            except Exception as error:
                self._fault = error
            return train_step(data)

        self._model = model
        self._own_step = vars(model).get("train_step")
        self._fault = self._variables = None
        model.train_step = noting_step
        model.make_train_function(force=True)

    def detach(self) -> None:
        if self._model is not None:
            # The method of the class shows again, or what the user put in its place; the next fit makes its function
            # from that.
            if self._own_step is None:
                del self._model.train_step
            else:
                self._model.train_step = self._own_step
            self._model.train_function = None
            self._model = None

    @property
    def placeholder(self) -> Any:
        """Inputs of the shapes and types to come, all zero; None where the attached model does not know them."""
        known = getattr(self._model, "inputs", None)
        if not known or any(size is None for tensor in known for size in tensor.shape[1:]):
            return None
        # `model.input` would raise for a Sequential model that was not called yet.
        structure = getattr(self._model, "_inputs_struct", known[0] if len(known) == 1 else known)
        return keras.tree.map_structure(lambda t: np.zeros((self._samples, *t.shape[1:]), t.dtype), structure)

    @property
    def inputs(self) -> Any:
        """The noted inputs, arrays [samples, …] in the model's structure; None before the first batch.

        Raises what went wrong in noting them: TypeError for ragged and sparse inputs, say.
        """
        if self._fault is not None:
            raise self._fault
        if self._variables is None:
            return None
        return keras.tree.pack_sequence_as(self._structure, [np.array(v.numpy()) for v in self._variables])

    def _note(self, x: Any) -> None:
        tensors = keras.tree.flatten(x)
        for tensor in tensors:
            if not isinstance(tensor, tf.Tensor):
                raise TypeError(
                    f'probe="batch" needs dense inputs. Received: {type(tensor).__name__}. '
                    "Give fixed inputs instead, e.g. probe=x_val[:4]"
                )
        if self._variables is None:
            with tf.init_scope():
                self._structure = keras.tree.map_structure(lambda _: 0, x)
                # Of any length, because the next batch's sequences may be longer.
                self._variables = [
                    tf.Variable(
                        tf.zeros((self._samples, *(size or 0 for size in tensor.shape[1:])), tensor.dtype),
                        trainable=False,
                        shape=(self._samples, *(None for _ in tensor.shape[1:])),
                    )
                    for tensor in tensors
                ]
        for variable, tensor in zip(self._variables, tensors, strict=True):
            variable.assign(tf.gather(tensor, tf.range(self._samples) % tf.shape(tensor)[0]))
