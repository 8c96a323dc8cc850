"""Tensors: what a layer returned → the dense tensor that is captured, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

IN_A_LOOP = "it runs inside a loop or a branch, whose tensors cannot leave it"


def named_leaves(outputs: Any) -> Iterator[tuple[str, Any]]:
    """(suffix, tensor) of each thing in what a layer returned: the first of several has none, then `:1`, or `:key`."""
    for where, tensor in keras.tree.flatten_with_path(outputs):
        if tensor is not None:
            name = ":".join(str(part) for part in where)
            yield ("" if name in ("", "0") else f":{name}"), tensor


def dense(value: Any, graph: Any) -> tuple[Any, str | None]:
    """(tensor, None), or (None, why not). graph: the one that the tensor must be in.

    Sparse tensors are filled with zeros; ragged ones padded at the end of each row, with NaN, so that padding is never
    mistaken for data, or with 0 and False where the type has no NaN. Ranks and number types stay as they are.
    """
    main = main_component(value)
    if not isinstance(main, tf.Tensor):
        return None, f"its output is a {type(value).__name__}, not a tensor"
    dtype = main.dtype
    if not (dtype.is_floating or dtype.is_integer or dtype.is_bool or dtype.is_complex):
        return None, f"its output holds {dtype.name}, not numbers"
    if getattr(main, "graph", graph) is not graph:
        return None, IN_A_LOOP
    if isinstance(value, tf.RaggedTensor):
        padding = math.nan if dtype.is_floating or dtype.is_complex else None
        return value.to_tensor(None if padding is None else tf.cast(padding, dtype)), None
    if isinstance(value, tf.SparseTensor):
        # Layers may well leave the indices unordered, which sparse.to_dense refuses.
        return tf.sparse.to_dense(tf.sparse.reorder(value)), None
    if isinstance(value, tf.IndexedSlices):
        return tf.convert_to_tensor(value), None
    return main, None


def main_component(value: Any) -> Any:
    """The tensor that holds the values: by its identity one output is told from another."""
    if isinstance(value, tf.RaggedTensor):
        return value.flat_values
    if isinstance(value, (tf.SparseTensor, tf.IndexedSlices)):
        return value.values
    if isinstance(value, (keras.Variable, tf.Variable)):
        return tf.convert_to_tensor(value)
    return value
