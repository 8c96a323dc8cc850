"""Probe: the forms in which fixed inputs are handed over → arrays [batch, …] in the model's structure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from tb_activations.input_pictures import pictures_of

BATCH = "batch"
"""As a probe: samples of the training batch at hand."""


def check_probe(probe: Any) -> None:
    """Raises ValueError or TypeError for what can be the probe of no model."""
    if probe is None:
        raise ValueError("probe must hold the inputs to show activations for, e.g. probe=x_val[:4]. Received: None")
    if isinstance(probe, str) and probe != BATCH:
        raise ValueError(
            f'probe must be arrays, a tf.data.Dataset, a callable, or "{BATCH}" (samples of the training batch). '
            f"Received: probe={probe!r}"
        )


def resolve(probe: Any, samples: int, input_rank: int | None = None) -> Any:
    """The inputs that a probe stands for.

    A callable is called without arguments. Of a `tf.data.Dataset` the first `samples` samples are taken, whether it is
    batched or not; of its (x, y) pairs, x. Everything else is passed on.

    input_rank: of the model's first input, batch axis included, which tells whether a dataset is batched; None when
    the model does not know it, and then the dataset's history tells.

    Raises ValueError for a dataset without a sample.
    """
    if callable(probe) and not hasattr(probe, "element_spec"):
        probe = probe()
        check_probe(probe)
    return _first_samples(probe, samples, input_rank) if hasattr(probe, "element_spec") else probe


def _first_samples(dataset: Any, samples: int, input_rank: int | None) -> Any:
    import keras

    def inputs_of(element: Any) -> Any:
        return element[0] if isinstance(element, tuple) and len(element) in (2, 3) else element

    spec = keras.tree.flatten(inputs_of(dataset.element_spec))[0]
    if _is_batched(dataset) if input_rank is None else spec.shape.rank == input_rank:
        dataset = dataset.unbatch()
    taken = [inputs_of(element) for element in itertools.islice(dataset.as_numpy_iterator(), samples)]
    if not taken:
        raise ValueError("probe must be a dataset that holds samples. Received: an empty one")
    return keras.tree.map_structure(lambda *values: np.stack(values), *taken)


def _is_batched(dataset: Any) -> bool:
    """Whether its elements are batches: what `batch` made, or later steps that keep what it made."""
    while True:
        kind = type(dataset).__name__
        if "Unbatch" in kind or "Flat" in kind:
            return False
        if "Batch" in kind:
            return True
        inner = getattr(dataset, "_input_dataset", None)
        if inner is None:
            return False
        dataset = inner


class FixedInputs:
    """Remembers what the probe at hand stands for and how its inputs are drawn, for as long as it is the same object.

    samples: of a dataset that are used; input_image: as in `ActivationWriter`.
    """

    def __init__(self, samples: int, input_image: Any) -> None:
        self._samples = samples
        self._input_image = input_image
        self._probe: Any = None
        self._inputs: Any = None
        self._pictures: dict[str, np.ndarray] | None = None

    def inputs_of(self, probe: Any, model: Any) -> Any:
        """Errors as in `resolve`."""
        if self._inputs is None or self._probe is not probe:
            self._probe, self._pictures = probe, None
            self._inputs = resolve(probe, self._samples, _input_rank(model))
        return self._inputs

    def pictures_of(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What is drawn in the place of a model's inputs, by path; inputs: of the probe last asked for. Errors as in
        `input_pictures.pictures_of`."""
        if self._pictures is None:
            self._pictures = pictures_of(inputs, self._input_image)
        return self._pictures


def _input_rank(model: Any) -> int | None:
    known = getattr(model, "inputs", None)
    return len(known[0].shape) if known else None
