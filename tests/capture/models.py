"""Independent recordings: what layers return when a model is called, noted without the code under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf


@contextmanager
def notes(
    *watched: keras.layers.Layer, convert: Callable[[Any], Any] = keras.ops.convert_to_numpy
) -> Iterator[dict[str, list[Any]]]:
    """Outputs of each layer's `call` by the layer's name, one per call, while the model is called eagerly.

    Wraps `call` of the instances, where capture replaces `__call__` of the class.
    """
    taken: dict[str, list[Any]] = {}
    originals = []
    for layer in watched:
        # A quantised layer runs another method.
        method = "quantized_call" if getattr(layer, "quantization_mode", None) else "call"
        original = getattr(layer, method)
        originals.append((layer, method))

        def noting(*args: Any, _original: Any = original, _name: str = layer.name, **kwargs: Any) -> Any:
            output = _original(*args, **kwargs)
            taken.setdefault(_name, []).append(keras.tree.map_structure(convert, output))
            return output

        layer.__dict__[method] = noting
    try:
        yield taken
    finally:
        for layer, method in originals:
            del layer.__dict__[method]


def traced_notes(model: keras.Model, inputs: Any, *watched: keras.layers.Layer) -> dict[str, list[Any]]:
    """`notes` of one call in a graph, which TensorFlow may compute in other steps, and so with other last bits, than
    an eager one."""

    @tf.function(autograph=False)
    def run(inputs: Any) -> Any:
        with notes(*watched, convert=tf.identity) as taken:
            model(inputs, training=False)
        return dict(taken)

    result: dict[str, list[Any]] = keras.tree.map_structure(keras.ops.convert_to_numpy, run(inputs))
    return result


def leaves(model: keras.Model) -> list[keras.layers.Layer]:
    """Layers of a model, at any depth, that hold no other layers."""
    inside = [layer for layer in model._flatten_layers(include_self=False) if not layer._layers]
    return [layer for layer in inside if not isinstance(layer, keras.layers.InputLayer)]


def truth_of_layers(
    model: keras.Model, layers: Sequence[keras.layers.Layer], inputs: Any, batch_size: int | None = None
) -> dict[str, Any]:
    """What Keras says that layers of a functional model return, by name: outputs of a model of the model's graph."""
    part = keras.Model(model.inputs, {layer.name: layer.output for layer in layers})
    result: dict[str, Any] = part.predict(inputs, verbose=0, batch_size=batch_size)
    return result


def assert_same(found: np.ndarray, expected: Any) -> None:
    """Bit for bit, NaN included."""
    expected = np.asarray(expected)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)
