"""Structure: whether a model is still the one that was traced."""

from __future__ import annotations

from typing import Any


class Structure:
    """What a trace of a model depends on and a log can check cheaply: its layers, their number types, quantisation,
    activation functions, variables, and in training mode which layers are frozen.

    It holds them, so that no new object gets the identity of an old one.
    """

    def __init__(self, model: Any, training: bool) -> None:
        layers = model._flatten_layers()
        self._objects = [*layers, *(getattr(layer, "activation", None) for layer in layers), *_variables(layers)]
        self._values = [(layer.dtype_policy.name, layer.trainable if training else None) for layer in layers]

    def is_same(self, other: Structure) -> bool:
        return (
            self._values == other._values
            and len(self._objects) == len(other._objects)
            and all(one is another for one, another in zip(self._objects, other._objects, strict=True))
        )


def _variables(layers: list[Any]) -> list[Any]:
    # `model.variables` gathers and sorts out the same ones layer by layer, in quadratic time.
    return [v for layer in layers for v in (*layer._trainable_variables, *layer._non_trainable_variables)]
