"""Building: an unbuilt model gets its weights the way `fit` gives them, whoever comes first."""

from __future__ import annotations

import contextlib
from typing import Any

import keras
import numpy as np
from keras.src.backend import compute_output_spec

from tb_activations.capture.inputs import Inputs


def build_as_fit_does(model: Any, inputs: Inputs) -> None:
    """Build what is not yet built, symbolically and for any batch size.

    A trace would build it, too, but bakes the number of probe samples into the input shapes of `Sequential` models, and
    names the inputs differently before and after.
    """
    if all(layer.built for layer in model._flatten_layers()):
        return
    values = list(inputs.values.values())
    if not all(isinstance(value, np.ndarray) and value.ndim for value in values):
        return
    symbols = [keras.KerasTensor((None, *value.shape[1:]), _type_name(value)) for value in values]
    # Where symbols will not do, the call itself says what is wrong, if anything.
    with contextlib.suppress(Exception):
        compute_output_spec(model, inputs.pack(symbols), training=False)


def _type_name(value: np.ndarray) -> str:
    return value.dtype.name if value.dtype.kind in "biufc" else "string"
