"""Capture: a model and inputs → its layers' activations as NumPy arrays. The border that no framework crosses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from tb_activations.channels import Pick
from tb_activations.schema import LayerInfo

__all__ = ["Capture", "LayerInfo", "Plan", "Prediction", "Probe", "RetraceWarning", "capture", "describe", "make_probe"]


class RetraceWarning(UserWarning):
    """Something made a model be traced anew, which takes about as long as the first log."""


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What the model says of each sample: its first output of shape [batch, classes]. layer: facts about it;
    scores: float [batch, classes], probabilities or logits as the model gives them."""

    layer: LayerInfo
    scores: np.ndarray


class Capture(Mapping[str, np.ndarray]):
    """Activations by path, in execution order: `maps["conv1"]` is an array [batch, …], read-only.

    A path is the nesting of names, `backbone/conv1`, with `#1` for a layer's second call, `:1` or `:key` for a further
    output, and `:scores` for an attention layer's scores, [batch, heads, query, key]. Sparse outputs are filled with
    zeros; ragged ones padded with NaN, or with 0 where the type has no NaN.

    layers: facts about the captured layers, in the same order.
    inputs, input_layers: the model inputs the activations belong to, by path, and facts about them (none about texts);
        always there, whether selected or not.
    skipped: path → why its output could not be captured: it is not numbers, say, or inside a loop; also layers with
        weights that were not called.
    channels: path → the channels to draw, for layers that do not draw the first ones.
    prediction: the model's first output that scores classes, whether selected or not; None when it has none.
    model: name, class_name and parameters. framework: versions by package name.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        layers: tuple[LayerInfo, ...],
        *,
        inputs: Mapping[str, np.ndarray],
        input_layers: tuple[LayerInfo, ...],
        skipped: Mapping[str, str],
        channels: Mapping[str, Pick],
        prediction: Prediction | None,
        model: Mapping[str, Any],
        framework: Mapping[str, str],
    ) -> None:
        self._arrays = dict(arrays)
        self.layers = layers
        self.inputs = dict(inputs)
        self.input_layers = input_layers
        self.skipped = dict(skipped)
        self.channels = dict(channels)
        self.prediction = prediction
        self.model = dict(model)
        self.framework = dict(framework)

    def without_arrays(self) -> Capture:
        """The same facts, so that they can be kept when the activations are freed."""
        return Capture(
            {},
            self.layers,
            inputs={},
            input_layers=self.input_layers,
            skipped=self.skipped,
            channels=self.channels,
            prediction=self.prediction,
            model=self.model,
            framework=self.framework,
        )

    def __getitem__(self, path: str) -> np.ndarray:
        return self._arrays[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{path}: {array.shape}" for path, array in self._arrays.items())
        return f"<Capture of {len(self)} layers: {shapes}>"


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a capture will hold. layers: the inputs, then the chosen layers; samples: in the batch; channels: as in
    `Capture`; classes: how many the model scores, None where it has no output that does, or several."""

    layers: tuple[LayerInfo, ...]
    samples: int
    channels: Mapping[str, Pick] = dataclasses.field(default_factory=dict)
    classes: int | None = None


class Probe(Protocol):
    """A model made ready to be captured many times: traced once per input signature, and again, with a
    `RetraceWarning` once, when inputs of another one come or the model is changed."""

    def prepare(self, inputs: Any) -> Plan:
        """Do now what the first call would take time for. Errors as in `capture`."""

    def __call__(self, inputs: Any) -> Capture: ...


def make_probe(
    model: Any, *, layers: Any = None, exclude: Any = None, training: bool = False, channels: Any = None
) -> Probe:
    """A `Probe` of `model`; arguments and errors as in `capture`. channels: which are drawn, as in `ActivationWriter`;
    the arrays hold all of them."""
    probe: Probe = _keras_probe()(model, layers=layers, exclude=exclude, training=training, channels=channels)
    return probe


def describe(model: Any, inputs: Any = None) -> tuple[LayerInfo, ...]:
    """Every layer output of a model that can be captured, inputs included; arguments and errors as in `list_layers`."""
    layers: tuple[LayerInfo, ...] = _keras_probe()(model).describe(inputs)
    return layers


def _keras_probe() -> Any:
    """`KerasProbe`, imported on first use; ImportError on a backend that it cannot trace."""
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ImportError(
            f"tb_activations captures Keras models on the TensorFlow backend. Received: {keras.backend.backend()!r}. "
            "Set KERAS_BACKEND=tensorflow, or hand arrays to ActivationWriter.write."
        )
    from tb_activations.capture.keras import KerasProbe

    return KerasProbe


def capture(model: Any, inputs: Any, *, layers: Any = None, exclude: Any = None, training: bool = False) -> Capture:
    """The activations of a model's layers for some inputs. Weights, statistics and seeds stay as they are.

    >>> maps = capture(model, x[:1], layers="conv_intermediate")  # doctest: +SKIP
    >>> maps["conv_intermediate"].shape  # doctest: +SKIP
    (1, 11, 11, 64)

    Args:
        model: a Keras 3 model on the TensorFlow backend; need not be built.
        inputs: what the model is called with: an array [batch, …], or a list or dictionary of them; texts, sparse and
            ragged tensors too, and None for an optional input. A single sample without its batch axis is batched.
            float64 becomes Keras' `floatx`, as in `predict`.
        layers: integer index (exactly `model.layers[i]`), name, path, glob, preset ("conv", "dense", "attention",
            "outputs", "all"), compiled pattern, layer class, predicate on `LayerInfo`, or a list of these. Default:
            every layer that computes something.
        exclude: the same, taken away from `layers`.
        training: run in training mode; default False.

    Raises:
        TypeError: not a model (a `History`, say), a selector of an unknown kind, or None for an input that is needed.
        ImportError: Keras runs on another backend than TensorFlow.
        ValueError, IndexError: a selector that matches nothing (the nearest name is suggested, all are listed), inputs
            that do not fit the model, or a model without a `call` (its parts are listed).
    """
    return make_probe(model, layers=layers, exclude=exclude, training=training)(inputs)
