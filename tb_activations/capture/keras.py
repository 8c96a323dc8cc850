"""Keras: capture for Keras 3 models on the TensorFlow backend, by a tap inside one traced function."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from tb_activations.capture import Capture
from tb_activations.capture.tap import Call, open_tap
from tb_activations.schema import LayerInfo
from tb_activations.selection import select

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"tb_activations captures Keras models on the TensorFlow backend. Received: {keras.backend.backend()!r}. "
        "Set KERAS_BACKEND=tensorflow, or hand arrays to ActivationWriter.write."
    )

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class _Trace:
    """One traced function and what it returns."""

    function: Any
    every_layer: tuple[LayerInfo, ...]
    chosen: tuple[LayerInfo, ...]
    skipped: Mapping[str, str]


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
        named, structure = self._prepare(inputs)
        tensors = [tf.convert_to_tensor(array) for array in named.values()]
        trace = self._trace(
            structure, list(named), [tf.TensorSpec(t.shape, t.dtype) for t in tensors], select_all=False
        )
        outputs = [output.numpy() for output in trace.function(*tensors)]
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
                "parameters": _parameters(self._model),
            },
            framework={"keras": keras.__version__, "tensorflow": tf.__version__},
        )

    def describe(self, inputs: Any = None) -> tuple[LayerInfo, ...]:
        """Every layer output there is, from a trace alone; inputs as in `list_layers`."""
        if inputs is None:
            known = getattr(self._model, "inputs", None)
            if not known:
                raise ValueError(
                    f"{type(self._model).__name__} {self._model.name!r} does not know its input shape yet. "
                    "Show it a sample: list_layers(model, x[:1])"
                )
            names = self._input_names(known)
            structure = getattr(self._model, "_inputs_struct", None)
            if structure is None:
                structure = known if len(known) > 1 else known[0]
            specs = [tf.TensorSpec(tuple(t.shape), t.dtype) for t in known]
        else:
            named, structure = self._prepare(inputs)
            names, specs = list(named), [tf.TensorSpec(a.shape, a.dtype) for a in named.values()]
        return self._trace(structure, names, specs, select_all=True).every_layer

    def _prepare(self, inputs: Any) -> tuple[dict[str, np.ndarray], Any]:
        """Inputs by path as arrays [batch, …], and the structure to call the model with."""
        structure = keras.tree.map_structure(_as_array, inputs)
        arrays = keras.tree.flatten(structure)
        known = getattr(self._model, "inputs", None)
        if isinstance(inputs, Mapping) and known:
            by_name = {_input_name(tensor): tensor for tensor in known}
            keys = _dict_keys(inputs)
            expected = [by_name.get(key) for key in keys] if set(keys) <= set(by_name) else list(known)
        else:
            expected = list(known or [])
        if expected and len(expected) != len(arrays):
            raise ValueError(
                f"the model takes {len(expected)} inputs ({', '.join(self._input_names(known))}). "
                f"Received: {len(arrays)}"
            )
        if expected:
            arrays = [
                array if tensor is None else _fitted(array, tuple(tensor.shape), _input_name(tensor))
                for array, tensor in zip(arrays, expected, strict=True)
            ]
        names = self._names_of(inputs, arrays, known)
        return dict(zip(names, arrays, strict=True)), keras.tree.pack_sequence_as(structure, arrays)

    def _names_of(self, inputs: Any, arrays: list[np.ndarray], known: Any) -> list[str]:
        if isinstance(inputs, Mapping):
            keys = _dict_keys(inputs)
            return keys if known else [f"input:{key}" for key in keys]
        if known:
            return self._input_names(known)
        return ["input", *(f"input:{i}" for i in range(1, len(arrays)))]

    @staticmethod
    def _input_names(known: Any) -> list[str]:
        return [_input_name(tensor) for tensor in known]

    def _trace(self, structure: Any, names: list[str], specs: list[Any], *, select_all: bool) -> _Trace:
        key = (select_all, tuple(names), tuple((tuple(spec.shape), spec.dtype) for spec in specs))
        if key not in self._traces:
            self._traces[key] = self._make_trace(structure, names, specs, select_all)
        return self._traces[key]

    def _make_trace(self, structure: Any, names: list[str], specs: list[Any], select_all: bool) -> _Trace:
        # tf.function runs the body once more when the first run created variables: the last run's facts count.
        facts: dict[str, Any] = {}

        def body(*tensors: Any) -> list[Any]:
            packed = keras.tree.pack_sequence_as(structure, list(tensors))
            with open_tap() as tap:
                result = self._model(packed, training=self._training)
            infos, outputs, containers, skipped = _facts(
                self._model, tap.calls, result, dict(zip(names, tensors, strict=True))
            )
            if select_all:
                chosen = infos
            else:
                chosen = select(
                    infos,
                    self._layers,
                    self._exclude,
                    layer_count=len(self._model.layers),
                    containers=containers,
                    skipped=skipped,
                )
            facts.update(infos=infos, chosen=chosen, skipped=skipped)
            return [] if select_all else [tf.identity(outputs[info.path]) for info in chosen]

        function = tf.function(body, autograph=False).get_concrete_function(*specs)
        return _Trace(function, facts["infos"], facts["chosen"], facts["skipped"])


def _check_model(model: Any) -> None:
    if isinstance(model, keras.callbacks.History):
        raise TypeError(
            "model is a History: fit() returns a record of metrics, not the model. "
            "The model is the variable that fit was called on: history = model.fit(…); capture(model, x)"
        )
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a Keras 3 model (keras.Model). Received: {model!r} of {type(model).__name__}")


def _as_array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "biufcSUO" and array.dtype.kind != "V":
        raise TypeError(f"inputs must be arrays of numbers or text. Received: {value!r}")
    # What Keras' own data adapters do before a model sees the data.
    return array.astype(keras.backend.floatx()) if array.dtype == np.float64 else array


def _dict_keys(inputs: Mapping[Any, Any]) -> list[str]:
    return [str(key) for key in keras.tree.flatten({key: key for key in inputs})]


def _input_name(tensor: Any) -> str:
    history = getattr(tensor, "_keras_history", None)
    return str(history.operation.name if history is not None else tensor.name)


def _fitted(array: np.ndarray, expected: tuple[int | None, ...], name: str) -> np.ndarray:
    """The array with a batch axis; ValueError when it does not fit the input's shape [batch, …]."""

    def fits(shape: tuple[int, ...]) -> bool:
        return len(shape) == len(expected) and all(e in (None, s) for e, s in zip(expected, shape, strict=True))

    if fits(array.shape):
        return array
    if fits((1, *array.shape)):
        return array[None]
    # Keras itself accepts, and appends, a missing last axis of one: [batch, 28, 28] for [batch, 28, 28, 1].
    if expected and expected[-1] == 1 and fits((*array.shape, 1)):
        return array[..., None]
    raise ValueError(
        f"the inputs do not fit the model's input {name!r}: expected shape {expected} (None is any size, the batch "
        f"first) or one sample {expected[1:]}. Received: {array.shape}"
    )


def _parameters(layer: Any) -> int:
    return sum(int(np.prod(weight.shape)) for weight in layer.weights)


def _facts(
    model: Any, calls: list[Call], result: Any, inputs: Mapping[str, Any]
) -> tuple[tuple[LayerInfo, ...], dict[str, Any], set[str], dict[str, str]]:
    """(infos in execution order, tensors by path, paths of nested models, path → why skipped) of one trace."""
    graph = tf.compat.v1.get_default_graph()
    batch = next((tensor.shape[0] for tensor in inputs.values() if tensor.shape.rank), None)
    positions = {id(layer): index for index, layer in enumerate(model.layers)}
    input_layers = {layer.name: layer for layer in model.layers if isinstance(layer, keras.layers.InputLayer)}
    model_outputs = {id(tensor) for tensor in keras.tree.flatten(result)}
    infos: list[LayerInfo] = []
    outputs: dict[str, Any] = {}
    containers: set[str] = set()
    skipped: dict[str, str] = {}
    # Which output a tensor is: the innermost layer's, whose call returned first.
    path_of = {id(tensor): path for path, tensor in inputs.items()}
    for path, tensor in inputs.items():
        layer = input_layers.get(path)
        outputs[path] = tensor
        infos.append(
            LayerInfo(
                path=path,
                name=path,
                index=None if layer is None else positions[id(layer)],
                class_name="InputLayer",
                shape=_shape(tensor, batch),
                dtype=tensor.dtype.name,
                role="input",
            )
        )
    for call in calls:
        if call.calls_inside and isinstance(call.layer, keras.Model):
            containers.add(call.path)
        for path, tensor in _named_outputs(call):
            reason = _why_not(tensor, graph)
            if reason is not None:
                skipped[path] = reason
                continue
            if path in outputs:
                continue
            parents = _parents(call.arguments, path_of)
            path_of.setdefault(id(tensor), path)
            outputs[path] = tensor
            infos.append(
                LayerInfo(
                    path=path,
                    name=call.layer.name,
                    index=positions.get(id(call.layer)) if "/" not in path else None,
                    class_name=type(call.layer).__name__,
                    shape=_shape(tensor, batch),
                    dtype=tensor.dtype.name,
                    parameters=_parameters(call.layer),
                    activation=_activation(call.layer),
                    parents=parents,
                    role="output" if id(tensor) in model_outputs else "layer",
                    data_format=getattr(call.layer, "data_format", None),
                )
            )
    return tuple(infos), outputs, containers, skipped


def _named_outputs(call: Call) -> list[tuple[str, Any]]:
    """A path per tensor of what a layer returned: the first of several has the layer's own, then `:1`, or `:key`."""
    if call.outputs is None:
        return []
    named = []
    for where, tensor in keras.tree.flatten_with_path(call.outputs):
        suffix = ":".join(str(part) for part in where)
        named.append((call.path if suffix in ("", "0") else f"{call.path}:{suffix}", tensor))
    return named


def _why_not(tensor: Any, graph: Any) -> str | None:
    if not isinstance(tensor, tf.Tensor):
        return f"its output is a {type(tensor).__name__}, not a dense tensor"
    if not (tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_bool or tensor.dtype.is_complex):
        return f"its output holds {tensor.dtype.name}, not numbers"
    if getattr(tensor, "graph", graph) is not graph:
        return "it runs inside a loop or a branch, whose tensors cannot leave it"
    return None


def _shape(tensor: Any, batch: int | None) -> tuple[int | None, ...]:
    shape = tuple(tensor.shape) if tensor.shape.rank is not None else ()
    return (None, *shape[1:]) if shape and shape[0] == batch else shape


def _activation(layer: Any) -> str | None:
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", None) or getattr(function, "name", None)
    return None if name in (None, "linear") else str(name)


def _parents(arguments: Any, path_of: Mapping[int, str]) -> tuple[str, ...]:
    """Paths of the nearest recorded outputs that the arguments were computed from, walking the graph backwards."""
    waiting = [value for value in keras.tree.flatten(arguments) if isinstance(value, tf.Tensor)]
    seen: set[int] = set()
    parents: list[str] = []
    while waiting:
        tensor = waiting.pop(0)
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        path = path_of.get(id(tensor))
        if path is not None:
            parents.append(path)
        elif tf.is_symbolic_tensor(tensor):
            waiting.extend(tensor.op.inputs)
    return tuple(dict.fromkeys(parents))
