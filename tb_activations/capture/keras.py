"""Keras: capture for Keras 3 models on the TensorFlow backend, by a tap inside one traced function."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tb_activations.capture import Capture
from tb_activations.capture.facts import Facts, parameters, read_facts
from tb_activations.capture.inputs import input_name, known_inputs, prepare
from tb_activations.capture.tap import open_tap
from tb_activations.schema import LayerInfo
from tb_activations.selection import select


@dataclasses.dataclass(frozen=True)
class _Trace:
    """One traced function and what it returns."""

    function: Any
    every_layer: tuple[LayerInfo, ...]
    chosen: tuple[LayerInfo, ...]
    skipped: Mapping[str, str]
    written: tuple[Any, ...]
    """Variables that running it changes."""


class KerasProbe:
    """Captures one model, tracing `model(inputs, training=…)` once per input signature (`traces` counts them).

    Arguments and errors as in `tb_activations.capture`.
    """

    def __init__(self, model: Any, *, layers: Any = None, exclude: Any = None, training: bool = False) -> None:
        _check_model(model)
        self._model = model
        self._layers = layers
        self._exclude = exclude
        self._training = training
        self._traces: dict[Any, _Trace] = {}

    @property
    def traces(self) -> int:
        return len(self._traces)

    def __call__(self, inputs: Any) -> Capture:
        named, structure = prepare(self._model, inputs)
        tensors = [tf.convert_to_tensor(array) for array in named.values()]
        trace = self._trace(
            structure, list(named), [tf.TensorSpec(t.shape, t.dtype) for t in tensors], select_all=False
        )
        # A layer that draws random numbers moves its seed, and training mode moves statistics: put them back.
        before = [variable.read_value() for variable in trace.written]
        try:
            outputs = [_as_numpy(output) for output in trace.function(*tensors)]
        finally:
            for variable, value in zip(trace.written, before, strict=True):
                variable.assign(value)
        paths = [info.path for info in trace.chosen]
        return Capture(
            dict(zip(paths, outputs, strict=True)),
            trace.chosen,
            inputs=named,
            input_layers=tuple(info for info in trace.every_layer if info.role == "input"),
            skipped=trace.skipped,
            model={
                "name": self._model.name,
                "class_name": type(self._model).__name__,
                "parameters": parameters(self._model),
            },
            framework={"keras": keras.__version__, "tensorflow": tf.__version__},
        )

    def describe(self, inputs: Any = None) -> tuple[LayerInfo, ...]:
        """Every layer output there is, from a trace alone; inputs as in `list_layers`."""
        if inputs is None:
            known = known_inputs(self._model)
            if not known:
                raise ValueError(
                    f"{type(self._model).__name__} {self._model.name!r} does not know its input shape yet. "
                    "Show it a sample: list_layers(model, x[:1])"
                )
            names = [input_name(tensor) for tensor in known]
            structure = getattr(self._model, "_inputs_struct", None)
            if structure is None:
                structure = known if len(known) > 1 else known[0]
            specs = [tf.TensorSpec(tuple(t.shape), t.dtype) for t in known]
        else:
            named, structure = prepare(self._model, inputs)
            names, specs = list(named), [tf.TensorSpec(a.shape, a.dtype) for a in named.values()]
        return self._trace(structure, names, specs, select_all=True).every_layer

    def _trace(self, structure: Any, names: list[str], specs: list[Any], *, select_all: bool) -> _Trace:
        form = repr(keras.tree.map_structure(lambda _: "x", structure))
        key = (select_all, form, tuple(names), tuple((tuple(spec.shape), spec.dtype) for spec in specs))
        if key not in self._traces:
            self._traces[key] = self._make_trace(structure, names, specs, select_all)
        return self._traces[key]

    def _make_trace(self, structure: Any, names: list[str], specs: list[Any], select_all: bool) -> _Trace:
        # tf.function runs the body once more when the first run created variables: the last run's facts count.
        traced: list[tuple[Facts, tuple[LayerInfo, ...]]] = []

        def body(*tensors: Any) -> list[Any]:
            packed = keras.tree.pack_sequence_as(structure, list(tensors))
            with open_tap() as tap:
                result = self._model(packed, training=self._training)
            facts = read_facts(self._model, tap.calls, result, dict(zip(names, tensors, strict=True)))
            if select_all:
                chosen: tuple[LayerInfo, ...] = ()
            else:
                chosen = select(
                    facts.infos,
                    self._layers,
                    self._exclude,
                    layer_names=[layer.name for layer in self._model.layers],
                    containers=facts.containers,
                    same_as=facts.same_as,
                    skipped=facts.skipped,
                )
            traced.append((facts, chosen))
            return [tf.identity(facts.tensors[info.path]) for info in chosen]

        function = tf.function(body, autograph=False).get_concrete_function(*specs)
        facts, chosen = traced[-1]
        return _Trace(function, tuple(facts.infos), chosen, facts.skipped, _written_variables(function.graph))


_READING_OPS = frozenset({"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape", "Identity"})


def _written_variables(graph: Any) -> tuple[Any, ...]:
    """Untrainable variables that the graph does more with than read. No forward pass writes trainable ones, and leaving
    them out spares the copy of weights that a loop reads, which looks like any other use from outside the loop."""
    uses: dict[int, set[str]] = {}
    for op in graph.get_operations():
        for tensor in op.inputs:
            if tensor.dtype == tf.resource:
                uses.setdefault(id(tensor), set()).add(op.type)
    written = {id(outer) for outer, inner in graph.captures if uses.get(id(inner), set()) - _READING_OPS}
    return tuple(v for v in graph.variables if not v.trainable and id(v.handle) in written)


def _as_numpy(tensor: Any) -> np.ndarray:
    """The tensor's values, read-only and without a copy where NumPy knows the type: copying all layers of a ResNet50
    takes as long as computing them. The buffer lives as long as the array, and TensorFlow never writes to a shared one.
    """
    if tensor.dtype in _SHARED_TYPES:
        return np.asarray(memoryview(tensor))
    values: np.ndarray = tensor.numpy()
    return values


_SHARED_TYPES = frozenset({tf.float32, tf.float64, tf.int32, tf.int64, tf.uint8, tf.bool})


def _check_model(model: Any) -> None:
    if isinstance(model, keras.callbacks.History):
        raise TypeError(
            "model is a History: fit() returns a record of metrics, not the model. "
            "The model is the variable that fit was called on: history = model.fit(…); capture(model, x)"
        )
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a Keras 3 model (keras.Model). Received: {model!r} of {type(model).__name__}")
