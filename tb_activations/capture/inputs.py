"""Inputs: what the user hands over → arrays [batch, …] by path, in the structure that the model is called with."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

_COMPOSITE = (tf.RaggedTensor, tf.SparseTensor)


@dataclasses.dataclass(frozen=True)
class Inputs:
    """values: by path; arrays [batch, …], or ragged or sparse tensors. structure: what the model is called with, its
    leaves in the order of `values`, and None where an optional input is left out."""

    values: Mapping[str, Any]
    structure: Any

    def pack(self, tensors: list[Any]) -> Any:
        """The structure, holding these instead of `values`."""
        rest = iter(tensors)
        return keras.tree.map_structure(lambda leaf: None if leaf is None else next(rest), self.structure)

    @property
    def form(self) -> str:
        """A text that is the same for inputs of the same structure."""
        return repr(keras.tree.map_structure(lambda leaf: None if leaf is None else "x", self.structure))

    def arrays(self) -> dict[str, np.ndarray]:
        """By path, dense: ragged ones padded, sparse ones filled, with zeros or empty texts."""
        return {path: _array(value) for path, value in self.values.items()}


def prepare(model: Any, inputs: Any) -> Inputs:
    """Raises ValueError, with the shapes, for inputs that do not fit; TypeError for what is no array."""
    known = _known_inputs(model)
    inputs = _with_arrays(inputs, len(known))
    structure = keras.tree.map_structure(_as_value, inputs)
    leaves = keras.tree.flatten(structure)
    names = _names(inputs, len(leaves), known)
    by_name = {_input_name(tensor): tensor for tensor in known}
    for name, leaf in zip(names, leaves, strict=True):
        if leaf is None and not getattr(_layer_of(by_name.get(name)), "optional", not known):
            raise TypeError(f"the model's input {name!r} is not optional. Received: None")
    if known:
        # Any batch size: Keras may have noted that of the first batch it saw, and takes others all the same.
        leaves = [
            _fitted(leaf, (None, *by_name[name].shape[1:]), name) if isinstance(leaf, np.ndarray) else leaf
            for leaf, name in zip(leaves, names, strict=True)
        ]
    values = {name: leaf for name, leaf in zip(names, leaves, strict=True) if leaf is not None}
    if not values:
        raise TypeError(f"inputs must be arrays of numbers or text. Received: {inputs!r}")
    for name, value in values.items():
        if isinstance(value, np.ndarray) and value.shape[:1] == (0,):
            raise ValueError(f"the inputs hold no sample: {name!r} has shape {value.shape}")
    return Inputs(values, keras.tree.pack_sequence_as(structure, leaves))


def symbolic(model: Any) -> tuple[Inputs, list[Any]] | None:
    """The model's own symbolic inputs and their type specs; None when it does not know them (subclassed, unbuilt)."""
    known = _known_inputs(model)
    if not known:
        return None
    structure = getattr(model, "_inputs_struct", None)
    if structure is None:
        structure = known if len(known) > 1 else known[0]
    return Inputs({_input_name(t): t for t in known}, structure), [_spec(t) for t in known]


def _known_inputs(model: Any) -> list[Any]:
    return list(getattr(model, "inputs", None) or [])


def _layer_of(tensor: Any) -> Any:
    history = getattr(tensor, "_keras_history", None)
    return None if history is None else history.operation


def _input_name(tensor: Any) -> str:
    layer = _layer_of(tensor)
    return str(tensor.name if layer is None else layer.name)


def _spec(tensor: Any) -> Any:
    shape, dtype = tuple(tensor.shape), tf.as_dtype(tensor.dtype)
    if getattr(tensor, "sparse", False):
        return tf.SparseTensorSpec(shape, dtype)
    if getattr(tensor, "ragged", False):
        return tf.RaggedTensorSpec(shape, dtype)
    return tf.TensorSpec(shape, dtype)


def _names(inputs: Any, count: int, known: list[Any]) -> list[str]:
    """A path per array: the input layers' names, else `input`, `input:1` or `input:key`."""
    keys = _dict_keys(inputs) if isinstance(inputs, Mapping) else []
    if known:
        names = [_input_name(tensor) for tensor in known]
        if count != len(names):
            raise ValueError(f"the model takes {len(names)} inputs ({', '.join(names)}). Received: {count}")
        return keys if set(keys) == set(names) else names
    if len(keys) == count and keys:
        return [f"input:{key}" for key in keys]
    return ["input", *(f"input:{i}" for i in range(1, count))]


def _with_arrays(inputs: Any, count: int = 1) -> Any:
    """The inputs, with an array for each one written as nested lists of numbers or texts; count: of the model's."""
    if isinstance(inputs, Mapping):
        return {key: _with_arrays(value) for key, value in inputs.items()}
    if not isinstance(inputs, (list, tuple)):
        return inputs
    if not (count > 1 and len(inputs) == count) and _is_plain(inputs):
        return np.asarray(inputs)
    values = [_with_arrays(value) for value in inputs]
    if hasattr(inputs, "_fields"):
        return type(inputs)(*values)
    return tuple(values) if isinstance(inputs, tuple) else values


def _is_plain(inputs: Any) -> bool:
    leaves = keras.tree.flatten(inputs)
    return all(isinstance(leaf, (bool, int, float, str, bytes, np.generic)) for leaf in leaves)


def _as_value(value: Any) -> Any:
    if value is None or isinstance(value, _COMPOSITE):
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "biufcSUOV":
        raise TypeError(f"inputs must be arrays of numbers or text. Received: {value!r}")
    # What Keras' own data adapters do before a model sees the data.
    return array.astype(keras.backend.floatx()) if array.dtype == np.float64 else array


def _array(value: Any) -> np.ndarray:
    if isinstance(value, tf.SparseTensor):
        value = tf.sparse.to_dense(tf.sparse.reorder(value))
    elif isinstance(value, tf.RaggedTensor):
        value = value.to_tensor(np.nan if value.dtype.is_floating else None)
    return np.asarray(value)


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
