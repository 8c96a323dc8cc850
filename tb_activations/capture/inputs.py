"""Inputs: what the user hands over → arrays [batch, …] by path, in the structure that the model is called with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np


def known_inputs(model: Any) -> list[Any]:
    """The model's symbolic inputs; empty when it does not know them (subclassed, or not yet built)."""
    return list(getattr(model, "inputs", None) or [])


def input_name(tensor: Any) -> str:
    history = getattr(tensor, "_keras_history", None)
    return str(history.operation.name if history is not None else tensor.name)


def prepare(model: Any, inputs: Any) -> tuple[dict[str, np.ndarray], Any]:
    """Inputs by path as arrays [batch, …], and the structure to call the model with.

    Raises ValueError, with the shapes, for inputs that do not fit; TypeError for what is no array.
    """
    known = known_inputs(model)
    if isinstance(inputs, (list, tuple)) and _is_numbers(inputs):
        inputs = np.asarray(inputs)
    structure = keras.tree.map_structure(_as_array, inputs)
    arrays = keras.tree.flatten(structure)
    names = _names(inputs, len(arrays), known)
    if known:
        by_name = {input_name(tensor): tensor for tensor in known}
        arrays = [_fitted(a, tuple(by_name[name].shape), name) for a, name in zip(arrays, names, strict=True)]
    return dict(zip(names, arrays, strict=True)), keras.tree.pack_sequence_as(structure, arrays)


def _names(inputs: Any, count: int, known: list[Any]) -> list[str]:
    """A path per array: the input layers' names, else `input`, `input:1` or `input:key`."""
    keys = _dict_keys(inputs) if isinstance(inputs, Mapping) else []
    if known:
        names = [input_name(tensor) for tensor in known]
        if count != len(names):
            raise ValueError(f"the model takes {len(names)} inputs ({', '.join(names)}). Received: {count}")
        return keys if set(keys) == set(names) else names
    if len(keys) == count and keys:
        return [f"input:{key}" for key in keys]
    return ["input", *(f"input:{i}" for i in range(1, count))]


def _is_numbers(inputs: Any) -> bool:
    return all(isinstance(leaf, (bool, int, float, np.generic)) for leaf in keras.tree.flatten(inputs))


def _as_array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "biufcSUOV" or value is None:
        raise TypeError(f"inputs must be arrays of numbers or text. Received: {value!r}")
    # What Keras' own data adapters do before a model sees the data.
    return array.astype(keras.backend.floatx()) if array.dtype == np.float64 else array


def _dict_keys(inputs: Mapping[Any, Any]) -> list[str]:
    return [str(key) for key in keras.tree.flatten({key: key for key in inputs})]


def _fitted(array: np.ndarray, expected: tuple[int | None, ...], name: str) -> np.ndarray:
    """The array with a batch axis; ValueError when it does not fit the input's shape [batch, …]."""

    def fits(shape: tuple[int, ...]) -> bool:
        return len(shape) == len(expected) and all(e in (None, s) for e, s in zip(expected, shape, strict=True))

    if fits(array.shape):
        return array
    if fits((1, *array.shape)):
        return array[None]
    # Keras itself accepts, and appends, a missing last axis of one: [batch, 28, 28] for [batch, 28, 28, 1].
    if expected and expected[-1] == 1:
        if fits((*array.shape, 1)):
            return array[..., None]
        if fits((1, *array.shape, 1)):
            return array[None, ..., None]
    raise ValueError(
        f"the inputs do not fit the model's input {name!r}: expected shape {expected} (None is any size, the batch "
        f"first) or one sample {expected[1:]}. Received: {array.shape}"
    )
